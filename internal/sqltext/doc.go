// Package sqltext reads a migration once: exact bytes in, statements and units out. Reviewer and applier use the same
// table of units, so what was reviewed is what runs. It does no I/O and judges nothing; it only says which statements
// commit together and which text cannot be applied at all.
//
// Start at Parse, then Script and Unit.
//
// The rules for units: maximal runs of statements that may share a transaction are one unit. Statements between BEGIN
// and COMMIT are a unit of their own. A statement that can be in no transaction stands alone. Outside BEGIN and COMMIT
// a run is also cut where sharing one transaction would break or harm the script: before VALIDATE CONSTRAINT when the
// same run altered that table (the strong lock would be held for the whole scan), and before the first use of an enum
// value that the run adds (PostgreSQL refuses that use).
package sqltext
