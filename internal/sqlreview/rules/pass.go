// Package rules turns claims into what a person should know. A rule is one entry in the list of its file (drop, rows,
// names, …): its words, and a function that looks at a Pass. Rules that only speak about work which the claims name are
// entries of the table in work.go, without a function.
package rules

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/claims"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/schema"
)

// A Pass is what a rule sees of one statement: the statement as it is executed, the database before it, and what the
// server will do. A rule looks, and says what it finds by Report and Breaks; it needs no other rule.
//
//	Node, SQL, Kind       the statement (Statement has more: is it in a body, in a transaction, under a condition)
//	State                 what is there: Named gives a relation its name, Table what is known of it (nil: nothing),
//	                      IsNew whether the script made it, so that nobody else uses it yet
//	Claims                the locks, rewrites, scans and builds that the server will do, and why it will refuse
//	Alters                the commands of an ALTER TABLE on a relation that exists before the script
//	Small                 whether a relation is known to be small
//	Report, ReportAs      a finding, at a location of the parse tree
//	Breaks                what the statement does to the image that runs now
type Pass struct {
	*schema.Statement
	State  *schema.State
	policy report.Policy
	// Claims is what the server will do. A rule may add why the statement fails.
	Claims report.Claims
	// work is the work of the size of a table that the claims name, with the rule that speaks about it.
	work []claims.Work

	// Compatibility says whether the running image works on, Repeatable that running the statement twice is harmless.
	Compatibility report.Compatibility
	Repeatable    bool
	Diagnostics   []Diagnostic

	rule report.Rule
}

// Check runs all rules over a statement, before the model of the database moves past it.
func Check(st *schema.Statement, s *schema.State, policy report.Policy, all []Analyzer) *Pass {
	p := &Pass{Statement: st, State: s, policy: policy, Compatibility: report.Compatible}
	p.Claims, p.work = claims.Of(st, s, policy.AssumeRows != 0)
	p.effects()
	for _, a := range all {
		p.rule = a.Rule
		a.Check(p)
	}
	return p
}

// Diagnostic is a finding before it has its place in a file.
type Diagnostic struct {
	Rule     report.Rule
	Severity report.Severity
	Offset   int
	Message  string
	Evidence string
}

// Report notes a finding at a location of the parse tree; 0 is the start of the statement.
func (p *Pass) Report(location int32, format string, args ...any) {
	p.ReportAs(p.rule.Severity, "text", location, format, args...)
}

// ReportAs is Report with another severity and evidence.
func (p *Pass) ReportAs(s report.Severity, evidence string, location int32, format string, args ...any) {
	p.Diagnostics = append(p.Diagnostics, Diagnostic{p.rule, s, p.place(location), fmt.Sprintf(format, args...),
		evidence})
}

// place is the byte in the file that a node location stands for.
func (p *Pass) place(location int32) int {
	if p.Exact && location > 0 {
		return p.Base + int(location)
	}
	return p.Start
}

// Breaks says what the statement does to the running image; the worst of all counts.
func (p *Pass) Breaks(c report.Compatibility) { p.Compatibility = report.Worse(p.Compatibility, c) }

// Alters gives the commands of an ALTER TABLE on a relation that exists before the script.
func (p *Pass) Alters() (catalog.Ref, []*pg.AlterTableCmd) { return p.State.Alters(p.Node) }

// Small says whether a relation is known to be small.
func (p *Pass) Small(n catalog.Ref) bool { return p.policy.Small(p.State.Table(n)) }

// reportWork turns the work that a rule speaks about into its findings. Work on a table that is known to be small is
// worth an info line only.
func reportWork(p *Pass) {
	for _, w := range p.work {
		if w.Cause != p.rule.ID {
			continue
		}
		severity := p.rule.Severity
		if p.rule.Family == report.FamilyLock && p.Small(w.Relation) {
			severity = report.SeverityInfo
		}
		p.ReportAs(severity, w.Evidence, w.At, "%s", w.Message)
	}
}
