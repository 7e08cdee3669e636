package schema

import (
	_ "embed"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// Constrained says whether a type is a domain with a CHECK or NOT NULL.
func (s *State) Constrained(t *pg.TypeName) bool {
	return s.ConstrainedName(syntax.TypeOf(t).Name) != ""
}

// ConstrainedName gives the name back when it is a domain with a constraint.
func (s *State) ConstrainedName(n string) string {
	if c, ok := s.Domains[n]; ok {
		if c {
			return n
		}
		return ""
	}
	if d := s.domain(n); d != nil && d.Constrained {
		return n
	}
	return ""
}

func (s *State) domain(n string) *catalog.Domain {
	if s.Catalog == nil {
		return nil
	}
	for i := range s.Catalog.Domains {
		if s.Catalog.Domains[i].Name == n {
			return &s.Catalog.Domains[i]
		}
	}
	return nil
}

// Underlying gives the type that a domain of the catalog stands for.
func (s *State) Underlying(t syntax.Type) syntax.Type {
	for range 10 {
		d := s.domain(t.Name)
		if d == nil || d.Base == "" || t.Array {
			return t
		}
		t = syntax.ParseType(d.Base)
	}
	return t
}

// TypeExists says whether a type is known to exist.
func (s *State) TypeExists(schema, n string) bool {
	if s.Uncertain || s.droppedTypes[n] {
		return false
	}
	if s.Types[n] {
		return true
	}
	if s.Catalog == nil {
		return false
	}
	if schema == "" {
		schema = s.FirstSchema()
	}
	return slices.ContainsFunc(s.Catalog.Enums,
		func(e catalog.Enum) bool { return e.Schema == schema && e.Name == n }) ||
		slices.ContainsFunc(s.Catalog.Domains,
			func(d catalog.Domain) bool { return d.Schema == schema && d.Name == n }) ||
		slices.Contains(s.Catalog.Types, catalog.Ref{Schema: schema, Name: n})
}

// Enum gives an enum of the catalog, or nil.
func (s *State) Enum(schema, n string) *catalog.Enum {
	if s.Catalog == nil {
		return nil
	}
	for i := range s.Catalog.Enums {
		e := &s.Catalog.Enums[i]
		if e.Name == n && (e.Schema == schema || schema == "" && slices.Contains(s.path, e.Schema)) {
			return e
		}
	}
	return nil
}

// DomainOf says whether a column's type may bring a default of its own.
func (s *State) DomainOf(c catalog.Column) bool {
	return s.domain(syntax.ParseType(c.Type).Name) != nil || s.Types[syntax.ParseType(c.Type).Name]
}

// Composite says whether the catalog has a composite type of that name.
func (s *State) Composite(n catalog.Ref) bool {
	return s.Catalog != nil && slices.Contains(s.Catalog.Types, n)
}

// SchemaMissing says whether a schema is known not to exist.
func (s *State) SchemaMissing(schema string) bool {
	return schema != "" && s.Catalog != nil && len(s.Catalog.Schemas) > 0 && !s.Uncertain && !s.Schemas[schema] &&
		!s.Hidden(schema) && schema != temporary &&
		!slices.Contains(s.Catalog.Schemas, schema)
}

// builtinFunctions has the functions of pg_catalog of all versions from 13 to 18, one a line, each with the most
// volatile of its forms.
//
//go:embed builtin_functions.txt
var builtinFunctions string

// builtinTypes has the types of pg_catalog, without arrays and row types.
//
//go:embed builtin_types.txt
var builtinTypes string

func listed(all, n string) bool { return strings.Contains(all, "\n"+n+"\n") }

// BuiltinFunction gives i, s or v for a function of pg_catalog, "" for another name.
func BuiltinFunction(n string) string {
	if i := strings.Index(builtinFunctions, "\n"+n+" "); i >= 0 && n != "" {
		return builtinFunctions[i+len(n)+2 : i+len(n)+3]
	}
	return ""
}

// NamesKnown says whether everything that a statement may name is known: the catalog lists it, and nothing unseen was
// made since.
func (s *State) NamesKnown() bool {
	return s.Catalog != nil && s.Catalog.Names != nil && !s.Uncertain && !s.namesUncertain
}

// TypeMissing says whether a type is known not to exist.
func (s *State) TypeMissing(t *pg.TypeName) bool {
	schema, n := sqltext.QualifiedName(t.GetNames())
	if !s.NamesKnown() || n == "" || t.GetPctType() || s.Hidden(schema) || strings.HasPrefix(n, "_") {
		return false
	}
	return !s.TypeNamed(n)
}

// TypeNamed says whether there may be a type of that name, in whatever schema.
func (s *State) TypeNamed(n string) bool {
	if listed(builtinTypes, n) || s.Types[n] || syntax.SerialBase(syntax.Type{Name: n}).Name != n {
		return true
	}
	for other, r := range s.Touched {
		if other.Name == n && r.isNew {
			// a row type
			return true
		}
	}
	if s.droppedTypes[n] {
		return false
	}
	c := s.Catalog
	ref := func(all []catalog.Ref) bool {
		return slices.ContainsFunc(all, func(r catalog.Ref) bool { return r.Name == n })
	}
	return ref(c.Types) || ref(c.Names.BaseTypes) ||
		slices.ContainsFunc(c.Enums, func(e catalog.Enum) bool { return e.Name == n }) ||
		slices.ContainsFunc(c.Domains, func(d catalog.Domain) bool { return d.Name == n }) ||
		slices.ContainsFunc(c.Tables, func(t catalog.Table) bool { return t.Name == n })
}

// FunctionMissing says whether no function of that name is known to exist, whatever its arguments.
func (s *State) FunctionMissing(parts []*pg.Node) bool {
	schema, n := sqltext.QualifiedName(parts)
	if !s.NamesKnown() || n == "" || schema == "information_schema" || strings.HasPrefix(n, "pg_") ||
		BuiltinFunction(n) != "" || len(s.Functions[n]) > 0 || s.Callable[n] {
		return false
	}
	return !slices.ContainsFunc(s.Catalog.Functions, func(f catalog.Function) bool { return f.Name == n }) &&
		!s.TypeNamed(n)
}

// RoleMissing says whether a role is known not to exist.
func (s *State) RoleMissing(r *pg.RoleSpec) bool {
	n := r.GetRolename()
	if r.GetRoletype() != pg.RoleSpecType_ROLESPEC_CSTRING || !s.NamesKnown() || s.roles[n] ||
		strings.HasPrefix(n, "pg_") {
		return false
	}
	return !slices.Contains(s.Catalog.Names.Roles, n)
}

// Installed says whether the catalog has an extension.
func (s *State) Installed(extension string) bool {
	return s.Catalog != nil && slices.Contains(s.Catalog.Extensions, extension)
}

// plainExtension says whether an extension makes types and functions, but no relation.
func plainExtension(n string) bool {
	switch n {
	case "uuid-ossp", "pgcrypto", "citext", "pg_trgm", "unaccent", "btree_gin", "btree_gist", "hstore", "ltree",
		"vector", "tablefunc", "fuzzystrmatch", "intarray", "cube", "earthdistance", "isn", "plpgsql", "bloom", "seg",
		"tsm_system_rows", "tsm_system_time", "dict_int", "dict_xsyn", "moddatetime", "autoinc", "insert_username",
		"refint", "lo", "xml2", "pageinspect", "pgrowlocks", "pgstattuple", "postgres_fdw", "dblink", "pgvector",
		"pg_uuidv7", "semver":
		return true
	}
	return false
}

// applyExtension notes what an extension may have made.
func (s change) applyExtension(c *pg.CreateExtensionStmt) {
	if s.Installed(c.GetExtname()) {
		return
	}
	s.namesUncertain = true
	s.Uncertain = s.Uncertain || !plainExtension(c.GetExtname())
}

// applyName notes roles and functions that a statement makes or takes away.
func (s change) applyName(n *pg.Node) {
	switch {
	case n.GetCreateRoleStmt() != nil:
		s.roles[n.GetCreateRoleStmt().GetRole()] = true
	case n.GetCreateRangeStmt() != nil:
		s.Types[syntax.LastName(n.GetCreateRangeStmt().GetTypeName())] = true
	case n.GetDefineStmt() != nil:
		switch n.GetDefineStmt().GetKind() {
		case pg.ObjectType_OBJECT_TYPE:
			s.Types[syntax.LastName(n.GetDefineStmt().GetDefnames())] = true
		case pg.ObjectType_OBJECT_AGGREGATE:
			s.Callable[syntax.LastName(n.GetDefineStmt().GetDefnames())] = true
		}
	case n.GetRenameStmt() != nil:
		r := n.GetRenameStmt()
		switch r.GetRenameType() {
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			s.Types[r.GetNewname()] = true
			old := s.Listed(r.GetObject()).Name
			delete(s.Types, old)
			s.droppedTypes[old] = true
		case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE,
			pg.ObjectType_OBJECT_AGGREGATE:
			s.Callable[r.GetNewname()] = true
		case pg.ObjectType_OBJECT_ROLE:
			s.roles[r.GetNewname()] = true
		case pg.ObjectType_OBJECT_SCHEMA:
			// all that stands there has another name now
			s.Uncertain = true
			s.Schemas[r.GetNewname()] = true
		}
	case n.GetCreateCastStmt() != nil:
		s.Casts = true
	}
	s.namesUncertain = s.namesUncertain || s.doubt && (n.GetDropStmt() != nil || n.GetRenameStmt() != nil)
}

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
