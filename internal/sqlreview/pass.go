package sqlreview

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// leaf is one statement as it is executed: of the file itself, or inside a DO
// block or called function.
type leaf struct {
	node    *pg.Node
	index   int // of the statement of the file that executes it
	sql     string
	kind    string
	base    int  // byte in the file at which locations of node count from
	exact   bool // node locations can be added to base
	start   int  // byte in the file at which the statement stands
	inBody  bool // executed by a DO block or function
	nested  bool // stands inside a WITH clause of another statement
	guarded bool // stands under a condition or exception handler
	doubt   bool // nobody knows whether that condition holds
	unit    int
	alone   bool // its unit is no transaction
	refuses bool // the statement itself can be in no transaction
	probed  bool // the catalog can be asked about it
}

// pass is what the rules see: one leaf, the state before it, and the claims.
type pass struct {
	*leaf
	state  *state
	policy Policy

	claims   Claims
	work     []work
	compat   Compatibility
	rerun    bool // running it twice is harmless
	findings []found

	withNames []string // queries of WITH clauses, while columns are looked for
}

// work is table-size work, or a failure, that a statement will cause. Cause is
// the rule that speaks about it.
type work struct {
	cause    string
	relation name
	at       int32
	message  string
	evidence string
}

// found is a finding before it has its place in a file.
type found struct {
	rule     Rule
	severity Severity
	offset   int
	message  string
	evidence string
}

// place is the byte in the file that a node location stands for.
func (p *pass) place(location int32) int {
	if p.exact && location > 0 {
		return p.base + int(location)
	}
	return p.start
}

// report notes a finding of a rule.
func (p *pass) report(r Rule, location int32, format string, args ...any) {
	p.findings = append(p.findings, found{r, r.Severity, p.place(location), fmt.Sprintf(format, args...), "text"})
}

// reportAs is report with another severity and evidence.
func (p *pass) reportAs(r Rule, s Severity, evidence string, location int32, format string, args ...any) {
	p.report(r, location, format, args...)
	last := &p.findings[len(p.findings)-1]
	last.severity, last.evidence = s, evidence
}

// byCause turns the work that a rule speaks about into its findings. Work on a
// table that is known to be small is worth an info line only.
func byCause(r func() Analyzer) func(p *pass) {
	return func(p *pass) {
		if len(p.work) == 0 {
			return
		}
		rule := r().Rule
		for _, w := range p.work {
			if w.cause != rule.ID {
				continue
			}
			severity := rule.Severity
			if rule.Family == FamilyLock && p.state.small(w.relation, p.policy) {
				severity = SeverityInfo
			}
			p.reportAs(rule, severity, w.evidence, w.at, "%s", w.message)
		}
	}
}

func (p *pass) does(cause string, n name, at int32, format string, args ...any) {
	evidence := "text"
	if p.state.catalog != nil {
		evidence = "catalog"
	}
	p.work = append(p.work, work{cause, n, at, fmt.Sprintf(format, args...), evidence})
}

func (p *pass) lock(n name, mode string) {
	if p.state.isFresh(n) || p.state.missing(n) {
		return
	}
	p.claims.Locks = append(p.claims.Locks, Lock{n.String(), mode})
}

// rewrite, scan and build speak about the relations that hold the rows.
func (p *pass) rewrite(n name) { p.claims.Rewrites = append(p.claims.Rewrites, p.rowsOf(n)...) }
func (p *pass) scan(n name)    { p.claims.Scans = append(p.claims.Scans, p.rowsOf(n)...) }
func (p *pass) build(n name)   { p.claims.Builds = append(p.claims.Builds, p.rowsOf(n)...) }

func (p *pass) rowsOf(n name) []string {
	var out []string
	for _, x := range p.state.stored(n) {
		if !p.state.isFresh(x) {
			out = append(out, x.String())
		}
	}
	return out
}

// mayScan names a relation that the server reads by a query of its own.
func (p *pass) mayScan(n name) { p.claims.MayScan = append(p.claims.MayScan, p.rowsOf(n)...) }

// lockAll locks a relation and its heirs.
func (p *pass) lockAll(n name, mode string) {
	for _, x := range append([]name{n}, p.state.heirs(n)...) {
		p.lock(x, mode)
	}
}

func (p *pass) breaks(c Compatibility) { p.compat = worse(p.compat, c) }

// alters gives the commands of an ALTER TABLE on a relation that exists before
// the script.
func (p *pass) alters() (name, []*pg.AlterTableCmd) {
	a := p.node.GetAlterTableStmt()
	if a == nil {
		return name{}, nil
	}
	n := p.state.named(a.GetRelation())
	switch a.GetObjtype() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_TYPE:
		return n, nil
	}
	if p.state.isFresh(n) || a.GetMissingOk() && p.state.missing(n) {
		return n, nil
	}
	var out []*pg.AlterTableCmd
	for _, c := range a.GetCmds() {
		if cmd := c.GetAlterTableCmd(); cmd != nil {
			out = append(out, cmd)
		}
	}
	return n, out
}

// location of the relation that a statement names.
func at(r *pg.RangeVar) int32 { return r.GetLocation() }
