// Package badinput holds the promise that whatever is wrong before a release ends in a fault of three parts, with its
// exit status, and with nothing changed. It is test-only: the cases run the built fairlead against the real parts of a
// lab. Start with case_test.go.
package badinput
