// Package sqlreview reads a migration like a careful reviewer: SQL and a
// catalog value in, a report out. It does no I/O and knows no runner.
//
// Claims come first: for each statement claims.go and its neighbours say what
// the server will do (locks, rewrites, scans, builds, certain failure). Rules
// turn claims and policy into findings; one rule is one file named after it.
// What the review cannot read is unreviewable, and that blocks.
//
// Start at Review, then Report and Analyzers.
package sqlreview
