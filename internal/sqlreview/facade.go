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

import (
	"io"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/render"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/rules"
)

// What a database holds, as its adapter read it.
type (
	Catalog      = catalog.Catalog
	Table        = catalog.Table
	Column       = catalog.Column
	Check        = catalog.Check
	Index        = catalog.Index
	ForeignKey   = catalog.ForeignKey
	Trigger      = catalog.Trigger
	Function     = catalog.Function
	Domain       = catalog.Domain
	Enum         = catalog.Enum
	Ref          = catalog.Ref
	Use          = catalog.Use
	History      = catalog.History
	Names        = catalog.Names
	RelationKind = catalog.RelationKind
)

// The kinds of relation, and the version of the catalog's JSON.
const (
	KindTable       = catalog.KindTable
	KindPartitioned = catalog.KindPartitioned
	KindView        = catalog.KindView
	KindMatView     = catalog.KindMatView
	KindForeign     = catalog.KindForeign
	CatalogSchema   = catalog.Schema
)

// What a review says, and what a trial on a server saw.
type (
	Report          = report.Report
	FileReport      = report.FileReport
	Coverage        = report.Coverage
	Finding         = report.Finding
	Waived          = report.Waived
	StatementReport = report.StatementReport
	Claims          = report.Claims
	Lock            = report.Lock
	Verdict         = report.Verdict
	Severity        = report.Severity
	Compatibility   = report.Compatibility
	Idempotency     = report.Idempotency
	Policy          = report.Policy
	Level           = report.Level
	Rule            = report.Rule
	Family          = report.Family
	Trace           = report.Trace
	Observed        = report.Observed
	Again           = report.Again
	Disagreement    = report.Disagreement
	Traced          = report.Traced
)

// The words of a report.
const (
	Schema = report.Schema

	Pass  = report.Pass
	Warn  = report.Warn
	Block = report.Block

	SeverityInfo  = report.SeverityInfo
	SeverityWarn  = report.SeverityWarn
	SeverityBlock = report.SeverityBlock

	Compatible   = report.Compatible
	Conditional  = report.Conditional
	Unknown      = report.Unknown
	Incompatible = report.Incompatible

	Guarded       = report.Guarded
	Atomic        = report.Atomic
	NotIdempotent = report.NotIdempotent

	LevelOff   = report.LevelOff
	LevelInfo  = report.LevelInfo
	LevelWarn  = report.LevelWarn
	LevelBlock = report.LevelBlock

	FamilyLoss          = report.FamilyLoss
	FamilyCompatibility = report.FamilyCompatibility
	FamilyLock          = report.FamilyLock
	FamilyFailure       = report.FamilyFailure
	FamilyRerun         = report.FamilyRerun
	FamilyUnreviewable  = report.FamilyUnreviewable
	FamilyBehaviour     = report.FamilyBehaviour
)

// EncodeCatalog writes a catalog as JSON that can be compared line by line.
func EncodeCatalog(c *Catalog) ([]byte, error) { return catalog.Encode(c) }

// DecodeCatalog reads what EncodeCatalog wrote, or any JSON of that schema.
func DecodeCatalog(b []byte) (*Catalog, error) { return catalog.Decode(b) }

// SameShape says whether two catalogs differ in sizes only. One that is nil has no shape.
func SameShape(a, b *Catalog) bool { return catalog.SameShape(a, b) }

// Rules gives every rule by id.
func Rules() map[string]Rule { return rules.All() }

// CheckLevel says why a rule cannot be given a level: it is not known, or it can be raised but not lowered.
func CheckLevel(rule string, l Level) error { return rules.CheckLevel(rule, l) }

// Explain gives the page of a rule as Markdown, or false when there is no such rule.
func Explain(rule string) (string, bool) { return render.Explain(rule) }

// Worse gives the worse of two answers.
func Worse(a, b Compatibility) Compatibility { return report.Worse(a, b) }

// Compare lists where claims and observation differ, statement by statement of one file.
func Compare(r Report, t Trace) []Disagreement { return report.Compare(r, t) }

// LockModes gives PostgreSQL's lock modes, from weak to strong.
func LockModes() []string { return report.LockModes() }

// Text writes a report for a person at a terminal. Sources maps the names of files to their bytes.
func Text(w io.Writer, r Report, sources map[string][]byte) error { return render.Text(w, r, sources) }

// Markdown writes the note for the person who decides when a review blocks.
func Markdown(w io.Writer, r Report, sources map[string][]byte) error {
	return render.Markdown(w, r, sources)
}

// SARIF writes a report as SARIF 2.1.0, for code scanning and editors.
func SARIF(w io.Writer, r Report) error { return render.SARIF(w, r) }

// Annotations writes a report as workflow commands that a CI run shows beside the changed lines.
func Annotations(w io.Writer, r Report) error { return render.Annotations(w, r) }
