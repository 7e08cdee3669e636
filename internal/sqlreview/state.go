package sqlreview

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// name is a schema-qualified name; the schema is never empty.
type name struct{ schema, name string }

func (n name) String() string {
	if n.schema == "public" {
		return n.name
	}
	return n.schema + "." + n.name
}

// relation is what the script did to one relation so far.
type relation struct {
	fresh   bool                // made by this script, so nobody else uses it
	gone    bool                // dropped or renamed away by this script
	columns map[string]fresh    // columns that the script added
	checks  map[string]checking // CHECKs that the script added
	known   *Table              // what the script made of it; nil: as the catalog says
	loose   bool                // not every column is known
	moved   bool                // renamed by the script from something of which nothing is known
	locked  string              // strongest lock that the open unit took on it
}

type fresh struct{ typ string }

type checking struct {
	expr  *pg.Node
	valid bool
}

// function is a function that the script made.
type function struct {
	volatility string
	node       *pg.Node
	leaf       leaf
	running    bool // its body is being read: stops recursion
}

// state is the model of the database while the script runs.
type state struct {
	catalog    *Catalog
	base       index    // the catalog's relations by name
	path       []string // the search path
	murky      bool     // something that cannot be followed may have made or dropped things
	zone       string   // time zone of the session, "" unknown
	relations  map[name]*relation
	functions  map[string][]*function // overloads together
	domains    map[string]bool        // made by the script: constrained?
	types      map[string]bool        // made by the script
	labels     []string               // enum labels added by the open unit
	policies   map[name]bool          // tables that the script gave a policy
	later      map[string]bool        // views and functions that a later statement creates
	analyzed   map[name]analysis      // tables that a later statement, or this one, analyses
	indexTable map[name]name          // indexes made by the script
	dropped    map[name]bool          // indexes and sequences of the catalog that the script dropped
	sequences  map[name]bool          // made by the script
	schemas    map[string]bool        // made by the script

	applied      map[string]bool // migrations that the script recorded itself
	droppedTypes map[string]bool
	casts        bool                // the script makes a cast
	unread       bool                // check_function_bodies is off
	opaque       bool                // types or functions may have been made or dropped unseen
	roles        map[string]bool     // made by the script
	callable     map[string]bool     // functions that the script made without a body that can be read
	added        map[string][]string // labels that the script added, by enum
}

// temporary is the schema of temporary tables; they hide others of their name.
const temporary = "pg_temp"

func newState(c *Catalog, base index) *state {
	s := &state{
		catalog: c, base: base, path: []string{"public"}, relations: map[name]*relation{}, functions: map[string][]*function{},
		domains: map[string]bool{}, types: map[string]bool{}, policies: map[name]bool{}, later: map[string]bool{}, analyzed: map[name]analysis{}, indexTable: map[name]name{},
		dropped: map[name]bool{}, sequences: map[name]bool{}, schemas: map[string]bool{}, applied: map[string]bool{}, droppedTypes: map[string]bool{}, added: map[string][]string{},
		roles: map[string]bool{}, callable: map[string]bool{},
	}
	if c != nil {
		s.zone = c.TimeZone
		if len(c.SearchPath) > 0 {
			s.path = c.SearchPath
		}
	}
	return s
}

func (s *state) named(r *pg.RangeVar) name {
	return s.qualify(r.GetSchemaname(), r.GetRelname())
}

func (s *state) qualify(schema, n string) name {
	if schema == "" {
		return s.found(n)
	}
	return name{schema, n}
}

// found looks a name up as the server does: the first schema of the path that has it, or else the first one.
func (s *state) found(n string) name {
	if s.isFresh(name{temporary, n}) {
		return name{temporary, n}
	}
	for _, schema := range s.path {
		if s.present(name{schema, n}) {
			return name{schema, n}
		}
	}
	return name{s.first(), n}
}

// first is the schema in which new things are made.
func (s *state) first() string {
	if len(s.path) == 0 {
		return "public"
	}
	return s.path[0]
}

// listed turns a dotted name such as DROP gives into a name.
func (s *state) listed(n *pg.Node) name {
	items := n.GetList().GetItems()
	if t := n.GetTypeName(); t != nil {
		items = t.GetNames()
	}
	if o := n.GetObjectWithArgs(); o != nil {
		items = o.GetObjname()
	}
	if len(items) == 0 {
		return s.qualify("", n.GetString_().GetSval())
	}
	var parts []string
	for _, i := range items {
		parts = append(parts, i.GetString_().GetSval())
	}
	if len(parts) == 1 {
		return s.qualify("", parts[0])
	}
	return s.qualify(parts[len(parts)-2], parts[len(parts)-1])
}

func (s *state) of(n name) *relation {
	r := s.relations[n]
	if r == nil {
		r = &relation{columns: map[string]fresh{}, checks: map[string]checking{}}
		s.relations[n] = r
	}
	return r
}

// isFresh says whether the script itself made the relation.
func (s *state) isFresh(n name) bool {
	r := s.relations[n]
	return r != nil && r.fresh
}

// absent says whether the relation is known not to exist at this point.
func (s *state) absent(n name) bool {
	if r := s.relations[n]; r != nil && (r.fresh || r.gone || r.moved) {
		return r.gone && !r.fresh
	}
	return s.catalog != nil && s.table(n) == nil && !s.hidden(n.schema)
}

// create notes a new relation. IF NOT EXISTS proves nothing by itself: only a
// catalog without the relation does.
func (s *state) create(n name, ifNotExists bool) {
	if ifNotExists && !s.absent(n) {
		return
	}
	r := s.of(n)
	r.fresh, r.gone = true, false
}

// endUnit lets go of what one transaction held.
func (s *state) endUnit() {
	s.labels = nil
	for _, r := range s.relations {
		r.locked = ""
	}
}

func (s *state) rows(n name, p Policy) int64 {
	if p.AssumeRows > 0 {
		return p.AssumeRows
	}
	if t := s.table(n); t != nil && t.Rows >= 0 {
		return t.Rows
	}
	return 1 << 62
}

func (s *state) columnType(n name, column string) string {
	if r := s.relations[n]; r != nil {
		if c, ok := r.columns[column]; ok {
			return c.typ
		}
	}
	if c := s.table(n).column(column); c != nil {
		return c.Type
	}
	return ""
}

// provesNotNull says whether a valid CHECK, of the script or the catalog,
// implies that the column is never null; PostgreSQL then skips its scan.
func (s *state) provesNotNull(n name, column string) bool {
	dropped := map[string]bool{}
	if r := s.relations[n]; r != nil {
		for key, c := range r.checks {
			dropped[key] = true
			if c.valid && impliesNotNull(c.expr, column) {
				return true
			}
		}
	}
	t := s.table(n)
	if t == nil {
		return false
	}
	return slices.ContainsFunc(t.Checks, func(c Check) bool {
		return c.Valid && !dropped[c.Name] && impliesNotNull(parseExpression(c.Expression), column)
	})
}

func (s *state) setting(v *pg.VariableSetStmt) {
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
		s.unread = !slices.ContainsFunc(v.GetArgs(), func(a *pg.Node) bool {
			on := strings.ToLower(a.GetAConst().GetSval().GetSval())
			return on == "on" || on == "true" || a.GetAConst().GetBoolval().GetBoolval()
		})
	case "timezone":
		s.zone = strings.Join(values, "")
	}
}
