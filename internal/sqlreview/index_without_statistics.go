package sqlreview

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

func indexWithoutStatistics() Analyzer {
	rule := Rule{
		ID: "index-without-statistics", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "The planner knows nothing about a column or expression that was never analysed, and may read the whole table although the index is there.",
		Do:  "ANALYZE table;  -- after CREATE INDEX, in the same file",
	}
	return Analyzer{rule, func(p *pass) {
		i := p.node.GetIndexStmt()
		t := p.state.named(i.GetRelation())
		if i == nil || p.state.isFresh(t) || p.state.small(t, p.policy) {
			return
		}
		if what := p.state.unknownTo(t, i.GetIndexParams()); what != "" {
			p.report(rule, at(i.GetRelation()), "the planner has no statistics about %s of %s, and nothing here analyses the table afterwards", what, t)
		}
	}}
}

// unknownTo gives what an index is about that has no statistics and will get none, or "".
func (s *state) unknownTo(t name, params []*pg.Node) string {
	for _, n := range params {
		column := n.GetIndexElem().GetName()
		if column == "" {
			if !s.analyses(t, "") {
				return "the expression"
			}
			continue
		}
		r := s.relations[t]
		if r == nil {
			continue
		}
		if _, added := r.columns[column]; added && !s.analyses(t, column) {
			return "the new column " + column
		}
	}
	return ""
}

// analysis is what a later ANALYZE looks at of a table.
type analysis struct {
	whole   bool
	columns []string
}

// everyTable stands for an ANALYZE that names none.
var everyTable = name{"", "*"}

// analyses says whether a later statement of the file analyses the column; expressions need the whole table.
func (s *state) analyses(t name, column string) bool {
	for _, n := range []name{t, everyTable} {
		if a := s.analyzed[n]; a.whole || column != "" && slices.Contains(a.columns, column) {
			return true
		}
	}
	return false
}

// foreseeAnalyze notes what a later statement analyses.
func (s *state) foreseeAnalyze(v *pg.VacuumStmt) {
	options := v.GetOptions()
	if v.GetIsVacuumcmd() && !slices.ContainsFunc(options, func(o *pg.Node) bool { return o.GetDefElem().GetDefname() == "analyze" }) {
		return
	}
	if len(v.GetRels()) == 0 {
		s.analyzed[everyTable] = analysis{whole: true}
	}
	for _, r := range v.GetRels() {
		n := s.named(r.GetVacuumRelation().GetRelation())
		a := s.analyzed[n]
		a.whole = a.whole || len(r.GetVacuumRelation().GetVaCols()) == 0
		for _, c := range r.GetVacuumRelation().GetVaCols() {
			a.columns = append(a.columns, c.GetString_().GetSval())
		}
		s.analyzed[n] = a
	}
}
