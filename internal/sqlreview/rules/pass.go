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
type Pass struct {
	*schema.Statement
	state  *schema.State
	policy report.Policy
	// claims is what the server will do. A rule may add why the statement fails.
	Claims report.Claims
	// work is the work of the size of a table that the claims name, with the rule that speaks about it.
	work []claims.Work

	// compat says whether the running image works on, rerun that running the statement twice is harmless.
	Compatibility report.Compatibility
	Repeatable    bool
	Diagnostics   []Diagnostic

	rule report.Rule
}

// Check runs all rules over a statement, before the model of the database moves past it.
func Check(st *schema.Statement, s *schema.State, policy report.Policy, all []Analyzer) *Pass {
	p := &Pass{Statement: st, state: s, policy: policy, Compatibility: report.Compatible}
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

// report notes a finding at a location of the parse tree; 0 is the start of the statement.
func (p *Pass) report(location int32, format string, args ...any) {
	p.reportAs(p.rule.Severity, "text", location, format, args...)
}

// reportAs is report with another severity and evidence.
func (p *Pass) reportAs(s report.Severity, evidence string, location int32, format string, args ...any) {
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

// breaks says what the statement does to the running image; the worst of all counts.
func (p *Pass) breaks(c report.Compatibility) { p.Compatibility = report.Worse(p.Compatibility, c) }

// alters gives the commands of an ALTER TABLE on a relation that exists before the script.
func (p *Pass) alters() (catalog.Ref, []*pg.AlterTableCmd) { return p.state.Alters(p.Node) }

// small says whether a relation is known to be small.
func (p *Pass) small(n catalog.Ref) bool { return p.policy.Small(p.state.Table(n)) }

// reportWork turns the work that a rule speaks about into its findings. Work on a table that is known to be small is
// worth an info line only.
func reportWork(p *Pass) {
	for _, w := range p.work {
		if w.Cause != p.rule.ID {
			continue
		}
		severity := p.rule.Severity
		if p.rule.Family == report.FamilyLock && p.small(w.Relation) {
			severity = report.SeverityInfo
		}
		p.reportAs(severity, w.Evidence, w.At, "%s", w.Message)
	}
}
