// Package sqlreview reads a migration like a careful reviewer: SQL and a catalog value in, a report out. It does no I/O
// and knows no runner.
//
// Claims come first: for each statement the package claims says what the server will do (locks, rewrites, scans,
// builds, certain failure). Rules turn claims and policy into findings. What the review cannot read is unreviewable,
// and that blocks.
//
//	catalog    what the database holds before the script
//	syntax     reads the parse tree: types, names, expressions
//	schema     the model of the database while the script runs
//	report     what a review says, and the policy it is weighed by
//	failures   why the server will refuse a statement
//	claims     what the server will do with one
//	rules      what a person should know of it: see rules.Pass
//	render     the report as text, Markdown, SARIF, annotations; the page of a rule
//
// Start at Review, then Report and rules.Analyzers.
package sqlreview
