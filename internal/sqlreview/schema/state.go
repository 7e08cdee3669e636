// Package schema is the model of the database while a script runs: State answers what is there at a statement and moves
// past it by Apply. It judges nothing.
package schema

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/syntax"
)

// Alters gives the commands of an ALTER TABLE on a relation that exists before the script.
func (s *State) Alters(node *pg.Node) (catalog.Ref, []*pg.AlterTableCmd) {
	a := node.GetAlterTableStmt()
	if a == nil {
		return catalog.Ref{}, nil
	}
	n := s.Named(a.GetRelation())
	switch a.GetObjtype() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_TYPE:
		return n, nil
	}
	if s.IsNew(n) || a.GetMissingOk() && s.Missing(n) {
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

// State is the model of the database while the script runs: its relations, and what else statements name.
type State struct {
	relations
	// namesUncertain says that types or functions may have been made or dropped unseen.
	namesUncertain bool
	// zone is the time zone of the session; "" is unknown.
	Zone string
	// uncheckedBodies says that check_function_bodies is off.
	UncheckedBodies bool

	// functions has the overloads of each name; callable the names of functions without a body that can be read.
	Functions map[string][]*function
	Callable  map[string]bool
	// domains tells of each domain of the script whether it is constrained.
	Domains      map[string]bool
	Types        map[string]bool
	droppedTypes map[string]bool
	Casts        bool
	Schemas      map[string]bool
	roles        map[string]bool
	// labels are the enum labels that the open unit added, added those of the script by enum.
	Labels []string
	Added  map[string][]string
	// policies has the tables that the script gave a policy.
	Policies map[catalog.Ref]bool
	// recorded has the migrations that the script wrote into a tool's history itself.
	Recorded map[string]bool
	// later has the views and functions that a later statement makes, analyzed the tables that one analyses.
	Later    map[string]bool
	Analyzed map[catalog.Ref]analysis
}

// temporary is the schema of temporary tables; they hide others of their name.
const temporary = "pg_temp"

// New gives the database as the catalog has it.
func New(c *catalog.Catalog, base Base) *State {
	s := &State{
		relations: relations{
			Catalog: c, base: base, path: []string{"public"}, Touched: map[catalog.Ref]*relation{},
			IndexTable: map[catalog.Ref]catalog.Ref{},
			dropped:    map[catalog.Ref]bool{}, Sequences: map[catalog.Ref]bool{},
		},
		Functions: map[string][]*function{}, Callable: map[string]bool{}, Domains: map[string]bool{},
		Types:        map[string]bool{},
		droppedTypes: map[string]bool{}, Schemas: map[string]bool{}, roles: map[string]bool{},
		Added:    map[string][]string{},
		Policies: map[catalog.Ref]bool{}, Recorded: map[string]bool{}, Later: map[string]bool{},
		Analyzed: map[catalog.Ref]analysis{},
	}
	if c != nil {
		s.Zone = c.TimeZone
		if len(c.SearchPath) > 0 {
			s.path = c.SearchPath
		}
	}
	return s
}

func (s *relations) touch(n catalog.Ref) *relation {
	r := s.Touched[n]
	if r == nil {
		r = &relation{columns: map[string]newColumn{}, checks: map[string]checking{}}
		s.Touched[n] = r
	}
	return r
}

// IsNew says whether the script itself made the relation.
func (s *relations) IsNew(n catalog.Ref) bool {
	r := s.Touched[n]
	return r != nil && r.isNew
}

// Absent says whether the relation is known not to exist at this point.
func (s *relations) Absent(n catalog.Ref) bool {
	if r := s.Touched[n]; r != nil && (r.isNew || r.gone || r.moved) {
		return r.gone && !r.isNew
	}
	return s.Catalog != nil && s.Table(n) == nil && !s.Hidden(n.Schema)
}

// create notes a new relation. IF NOT EXISTS proves nothing by itself: only a catalog without the relation does.
func (s *relations) create(n catalog.Ref, ifNotExists bool) {
	if ifNotExists && !s.Absent(n) {
		return
	}
	r := s.touch(n)
	r.isNew, r.gone = true, false
}

// EndUnit lets go of what one transaction held.
func (s *State) EndUnit() {
	s.Labels = nil
	for _, r := range s.Touched {
		r.Locked = ""
	}
}

// ColumnType gives the type of a column, or "" when it is not known.
func (s *relations) ColumnType(n catalog.Ref, column string) string {
	if r := s.Touched[n]; r != nil {
		if c, ok := r.columns[column]; ok {
			return c.typ
		}
	}
	if c := s.Table(n).Column(column); c != nil {
		return c.Type
	}
	return ""
}

// ProvesNotNull says whether a valid CHECK, of the script or the catalog, implies that the column is never null;
// PostgreSQL then skips its scan.
func (s *relations) ProvesNotNull(n catalog.Ref, column string) bool {
	dropped := map[string]bool{}
	if r := s.Touched[n]; r != nil {
		for key, c := range r.checks {
			dropped[key] = true
			if c.valid && syntax.ImpliesNotNull(c.expr, column) {
				return true
			}
		}
	}
	t := s.Table(n)
	if t == nil {
		return false
	}
	return slices.ContainsFunc(t.Checks, func(c catalog.Check) bool {
		return c.Valid && !dropped[c.Name] && syntax.ImpliesNotNull(syntax.ParseExpression(c.Expression), column)
	})
}

func (s change) setting(v *pg.VariableSetStmt) {
	var values []string
	for _, a := range v.GetArgs() {
		values = append(values, a.GetAConst().GetSval().GetSval())
	}
	switch strings.ToLower(v.GetName()) {
	case "search_path":
		s.path = slices.DeleteFunc(values, func(schema string) bool { return schema == "$user" || schema == "" })
		if len(s.path) == 0 {
			s.path = []string{"public"}
		}
	case "check_function_bodies":
		s.UncheckedBodies = !slices.ContainsFunc(v.GetArgs(), func(a *pg.Node) bool {
			on := strings.ToLower(a.GetAConst().GetSval().GetSval())
			return on == "on" || on == "true" || a.GetAConst().GetBoolval().GetBoolval()
		})
	case "timezone":
		s.Zone = strings.Join(values, "")
	}
}

// Statement is one SQL statement as it is executed: of the file itself, or inside a DO block or called function.
type Statement struct {
	Node *pg.Node
	// index is that of the statement of the file that executes it.
	Index int
	SQL   string
	Kind  string
	// base is the byte in the file at which locations of node count from; exact says that they can be added to it.
	Base  int
	Exact bool
	// start is the byte in the file at which the statement stands.
	Start int
	// inBody: executed by a DO block or function; nested: it stands inside a WITH clause of another statement.
	InBody, Nested bool
	// guarded: it stands under a condition or exception handler; doubt: nobody knows whether that condition holds.
	Guarded, Doubt bool
	// unit is the index of its unit, or -1; alone says that this is no transaction.
	Unit  int
	Alone bool
	// refuses: it can be in no transaction; refused: the file was refused because it stands in one.
	Refuses, Refused bool
	// probed says that the catalog can be asked about it.
	Probed bool
}

// function is a function that the script made.
type function struct {
	volatility string
	Statement  Statement
	Running    bool // its body is being read: stops recursion
}

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
