package schema

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqltext"
)

// NameOfNew is the name of something new: without a schema it goes to the first of the path.
func (s *relations) NameOfNew(r *pg.RangeVar) catalog.Ref {
	n := catalog.Ref{Schema: r.GetSchemaname(), Name: r.GetRelname()}
	if n.Schema == "" {
		n.Schema = s.FirstSchema()
	}
	return n
}

// MemberOf splits the name of a trigger, policy or rule into its relation and its own name.
func (s *relations) MemberOf(o *pg.Node) (relation catalog.Ref, member string) {
	items := o.GetList().GetItems()
	if len(items) < 2 {
		return catalog.Ref{}, ""
	}
	schema, n := sqltext.QualifiedName(items[:len(items)-1])
	return s.Qualify(schema, n), items[len(items)-1].GetString_().GetSval()
}

// Spelled reads a name as regclass does: folded unless it is quoted.
func (s *relations) Spelled(text string) catalog.Ref {
	var parts []string
	for _, part := range strings.Split(text, ".") {
		if unquoted, ok := strings.CutPrefix(part, `"`); ok {
			parts = append(parts, strings.TrimSuffix(unquoted, `"`))
		} else {
			parts = append(parts, strings.ToLower(part))
		}
	}
	switch len(parts) {
	case 1:
		return s.Qualify("", parts[0])
	case 2:
		return s.Qualify(parts[0], parts[1])
	}
	return catalog.Ref{}
}

// Named gives the relation that a statement names, as the server would find it.
func (s *relations) Named(r *pg.RangeVar) catalog.Ref {
	return s.Qualify(r.GetSchemaname(), r.GetRelname())
}

// Qualify gives a name its schema: the one it says, or the first of the path that has it.
func (s *relations) Qualify(schema, n string) catalog.Ref {
	if schema == "" {
		return s.lookUp(n)
	}
	return catalog.Ref{Schema: schema, Name: n}
}

// lookUp looks a name up as the server does: the first schema of the path that has it, or else the first one.
func (s *relations) lookUp(n string) catalog.Ref {
	if s.IsNew(catalog.Ref{Schema: temporary, Name: n}) {
		return catalog.Ref{Schema: temporary, Name: n}
	}
	for _, schema := range s.path {
		if s.Present(catalog.Ref{Schema: schema, Name: n}) {
			return catalog.Ref{Schema: schema, Name: n}
		}
	}
	return catalog.Ref{Schema: s.FirstSchema(), Name: n}
}

// FirstSchema is the schema in which new things are made.
func (s *relations) FirstSchema() string {
	if len(s.path) == 0 {
		return "public"
	}
	return s.path[0]
}

// Listed turns a dotted name such as DROP gives into a name.
func (s *relations) Listed(n *pg.Node) catalog.Ref {
	items := n.GetList().GetItems()
	if t := n.GetTypeName(); t != nil {
		items = t.GetNames()
	}
	if o := n.GetObjectWithArgs(); o != nil {
		items = o.GetObjname()
	}
	if len(items) == 0 {
		return s.Qualify("", n.GetString_().GetSval())
	}
	return s.Qualify(sqltext.QualifiedName(items))
}
