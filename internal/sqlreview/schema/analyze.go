package schema

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
)

// UnknownTo gives what an index is about that has no statistics and will get none, or "".
func (s *State) UnknownTo(t catalog.Ref, params []*pg.Node) string {
	for _, n := range params {
		column := n.GetIndexElem().GetName()
		if column == "" {
			if !s.analyses(t, "") {
				return "the expression"
			}
			continue
		}
		r := s.Touched[t]
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
var everyTable = catalog.Ref{Schema: "", Name: "*"}

// analyses says whether a later statement of the file analyses the column; expressions need the whole table.
func (s *State) analyses(t catalog.Ref, column string) bool {
	for _, n := range []catalog.Ref{t, everyTable} {
		if a := s.Analyzed[n]; a.whole || column != "" && slices.Contains(a.columns, column) {
			return true
		}
	}
	return false
}

// NoteAnalyze notes what a later statement analyses.
func (s *State) NoteAnalyze(v *pg.VacuumStmt) {
	options := v.GetOptions()
	if v.GetIsVacuumcmd() && !slices.ContainsFunc(options,
		func(o *pg.Node) bool { return o.GetDefElem().GetDefname() == "analyze" }) {
		return
	}
	if len(v.GetRels()) == 0 {
		s.Analyzed[everyTable] = analysis{whole: true}
	}
	for _, r := range v.GetRels() {
		n := s.Named(r.GetVacuumRelation().GetRelation())
		a := s.Analyzed[n]
		a.whole = a.whole || len(r.GetVacuumRelation().GetVaCols()) == 0
		for _, c := range r.GetVacuumRelation().GetVaCols() {
			a.columns = append(a.columns, c.GetString_().GetSval())
		}
		s.Analyzed[n] = a
	}
}
