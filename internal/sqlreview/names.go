package sqlreview

import (
	_ "embed"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// builtinFunctions has the functions of pg_catalog of all versions from 13 to 18, one a line, each with the most volatile of its forms.
//
//go:embed builtin_functions.txt
var builtinFunctions string

// builtinTypes has the types of pg_catalog, without arrays and row types.
//
//go:embed builtin_types.txt
var builtinTypes string

func listed(all, n string) bool { return strings.Contains(all, "\n"+n+"\n") }

// builtinFunction gives i, s or v for a function of pg_catalog, "" for another name.
func builtinFunction(n string) string {
	if i := strings.Index(builtinFunctions, "\n"+n+" "); i >= 0 && n != "" {
		return builtinFunctions[i+len(n)+2 : i+len(n)+3]
	}
	return ""
}

// closed says whether everything that a statement may name is known: the catalog lists it, and nothing unseen was made since.
func (s *state) closed() bool {
	return s.catalog != nil && s.catalog.Names != nil && !s.murky && !s.opaque
}

// typeMissing says whether a type is known not to exist.
func (s *state) typeMissing(t *pg.TypeName) bool {
	schema, n := qualifiedName(t.GetNames())
	if !s.closed() || n == "" || t.GetPctType() || s.hidden(schema) || strings.HasPrefix(n, "_") {
		return false
	}
	return !s.typeNamed(n)
}

// typeNamed says whether there may be a type of that name, in whatever schema.
func (s *state) typeNamed(n string) bool {
	if listed(builtinTypes, n) || s.types[n] || serialBase(sqlType{name: n}).name != n {
		return true
	}
	for other, r := range s.relations {
		if other.name == n && r.fresh {
			return true // a row type
		}
	}
	if s.droppedTypes[n] {
		return false
	}
	c := s.catalog
	ref := func(all []Ref) bool { return slices.ContainsFunc(all, func(r Ref) bool { return r.Name == n }) }
	return ref(c.Types) || ref(c.Names.BaseTypes) ||
		slices.ContainsFunc(c.Enums, func(e Enum) bool { return e.Name == n }) ||
		slices.ContainsFunc(c.Domains, func(d Domain) bool { return d.Name == n }) ||
		slices.ContainsFunc(c.Tables, func(t Table) bool { return t.Name == n })
}

// functionMissing says whether no function of that name is known to exist, whatever its arguments.
func (s *state) functionMissing(parts []*pg.Node) bool {
	schema, n := qualifiedName(parts)
	if !s.closed() || n == "" || schema == "information_schema" || strings.HasPrefix(n, "pg_") || builtinFunction(n) != "" || len(s.functions[n]) > 0 || s.callable[n] {
		return false
	}
	return !slices.ContainsFunc(s.catalog.Functions, func(f Function) bool { return f.Name == n }) && !s.typeNamed(n)
}

// roleMissing says whether a role is known not to exist.
func (s *state) roleMissing(r *pg.RoleSpec) bool {
	n := r.GetRolename()
	if r.GetRoletype() != pg.RoleSpecType_ROLESPEC_CSTRING || !s.closed() || s.roles[n] || strings.HasPrefix(n, "pg_") {
		return false
	}
	return !slices.Contains(s.catalog.Names.Roles, n)
}

// installed says whether the catalog has an extension.
func (s *state) installed(extension string) bool {
	return s.catalog != nil && slices.Contains(s.catalog.Extensions, extension)
}

// plainExtension says whether an extension makes types and functions, but no relation.
func plainExtension(n string) bool {
	switch n {
	case "uuid-ossp", "pgcrypto", "citext", "pg_trgm", "unaccent", "btree_gin", "btree_gist", "hstore", "ltree", "vector", "tablefunc", "fuzzystrmatch", "intarray", "cube",
		"earthdistance", "isn", "plpgsql", "bloom", "seg", "tsm_system_rows", "tsm_system_time", "dict_int", "dict_xsyn", "moddatetime", "autoinc", "insert_username", "refint",
		"lo", "xml2", "pageinspect", "pgrowlocks", "pgstattuple", "postgres_fdw", "dblink", "pgvector", "pg_uuidv7", "semver":
		return true
	}
	return false
}

// applyExtension notes what an extension may have made.
func (s *state) applyExtension(c *pg.CreateExtensionStmt) {
	if s.installed(c.GetExtname()) {
		return
	}
	s.opaque = true
	s.murky = s.murky || !plainExtension(c.GetExtname())
}

// applyName notes roles and functions that a statement makes or takes away.
func (s *state) applyName(n *pg.Node, doubt bool) {
	switch {
	case n.GetCreateRoleStmt() != nil:
		s.roles[n.GetCreateRoleStmt().GetRole()] = true
	case n.GetCreateRangeStmt() != nil:
		s.types[lastName(n.GetCreateRangeStmt().GetTypeName())] = true
	case n.GetDefineStmt() != nil:
		switch n.GetDefineStmt().GetKind() {
		case pg.ObjectType_OBJECT_TYPE:
			s.types[lastName(n.GetDefineStmt().GetDefnames())] = true
		case pg.ObjectType_OBJECT_AGGREGATE:
			s.callable[lastName(n.GetDefineStmt().GetDefnames())] = true
		}
	case n.GetRenameStmt() != nil:
		r := n.GetRenameStmt()
		switch r.GetRenameType() {
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			s.types[r.GetNewname()] = true
			old := s.listed(r.GetObject()).name
			delete(s.types, old)
			s.droppedTypes[old] = true
		case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE, pg.ObjectType_OBJECT_AGGREGATE:
			s.callable[r.GetNewname()] = true
		case pg.ObjectType_OBJECT_ROLE:
			s.roles[r.GetNewname()] = true
		case pg.ObjectType_OBJECT_SCHEMA:
			s.murky = true // all that stands there has another name now
			s.schemas[r.GetNewname()] = true
		}
	case n.GetCreateCastStmt() != nil:
		s.casts = true
	}
	s.opaque = s.opaque || doubt && (n.GetDropStmt() != nil || n.GetRenameStmt() != nil)
}
