package schema

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
)

// TableOfIndex gives the table of an index, where it is known.
func (s *relations) TableOfIndex(index catalog.Ref) (catalog.Ref, bool) {
	if t, ok := s.IndexTable[index]; ok {
		return t, true
	}
	if s.Catalog == nil {
		return catalog.Ref{}, false
	}
	for _, t := range s.Catalog.Tables {
		for _, i := range t.Indexes {
			if i.Name == index.Name && t.Schema == index.Schema {
				return catalog.Ref{Schema: t.Schema, Name: t.Name}, true
			}
		}
	}
	return catalog.Ref{}, false
}

// HeldOn gives the strongest lock that the open unit holds on a relation, or "".
func (s *relations) HeldOn(n catalog.Ref) string {
	if r := s.Touched[n]; r != nil {
		return r.Locked
	}
	return ""
}

// KeyProven says whether no column of the index that becomes a key can be null.
func (s *relations) KeyProven(t catalog.Ref, k *pg.Constraint) bool {
	known := s.Table(t)
	x := known.Index(k.GetIndexname())
	return x != nil && !slices.ContainsFunc(x.Columns, func(column string) bool {
		c := known.Column(column)
		return c == nil || !c.NotNull && !s.ProvesNotNull(t, column)
	})
}

// DefaultPartitions gives the default partition of a relation.
func (s *relations) DefaultPartitions(parent catalog.Ref) []catalog.Ref {
	var out []catalog.Ref
	for _, child := range s.Descendants(parent) {
		if t := s.Table(child); t != nil && t.Default && slices.Contains(t.Parents, parent) {
			out = append(out, child)
		}
	}
	return out
}

// TriggersOf says, in order, which triggers run a function.
func (s *relations) TriggersOf(function string) []string {
	var out []string
	s.Each(func(t catalog.Ref, known *catalog.Table) {
		for _, g := range known.Triggers {
			if g.Function.Name == function && slices.Contains(s.path, g.Function.Schema) {
				out = append(out, fmt.Sprintf("trigger %s on %s runs it", g.Name, t))
			}
		}
	})
	return Distinct(out)
}

// TypedBy lists the tables with a column of a type.
func (s *relations) TypedBy(typ string) []catalog.Ref {
	var out []catalog.Ref
	s.Each(func(n catalog.Ref, t *catalog.Table) {
		if slices.ContainsFunc(t.Columns,
			func(c catalog.Column) bool { return syntax.ParseType(c.Type).Name == typ }) && t.Kind != catalog.KindView {
			out = append(out, n)
		}
	})
	return sortedNames(out)
}

// Lost says whether the script may have taken a relation away.
func (s *relations) Lost() bool {
	if len(s.Touched) > 100 {
		return true
	}
	for _, r := range s.Touched {
		if r.gone {
			return true
		}
	}
	return false
}

// Base finds the catalog's relations by name.
type Base struct {
	tables map[catalog.Ref]*catalog.Table
	// others are the indexes and sequences, which share the names of relations.
	others map[catalog.Ref]bool
	// parents says that some relation has parents.
	parents bool
}

// BaseOf indexes a catalog, once for all files of a review.
func BaseOf(c *catalog.Catalog) Base {
	ix := Base{tables: map[catalog.Ref]*catalog.Table{}, others: map[catalog.Ref]bool{}}
	if c == nil {
		return ix
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		ix.tables[catalog.Ref{Schema: t.Schema, Name: t.Name}] = t
		ix.parents = ix.parents || len(t.Parents) > 0
		for _, x := range t.Indexes {
			ix.others[catalog.Ref{Schema: t.Schema, Name: x.Name}] = true
		}
	}
	for _, q := range c.Sequences {
		ix.others[catalog.Ref{Schema: q.Schema, Name: q.Name}] = true
	}
	return ix
}

// Table gives a relation as it is at this point, to be read only. Nil means that it is absent or that nothing is known
// about it.
func (s *relations) Table(n catalog.Ref) *catalog.Table {
	if r := s.Touched[n]; r != nil {
		if r.table != nil || r.gone || r.isNew {
			return r.table
		}
	}
	return s.base.tables[n]
}

// Edit gives a relation's own copy, to be changed; nil as table does.
func (s *relations) Edit(n catalog.Ref) *catalog.Table {
	t := s.Table(n)
	if t == nil {
		return nil
	}
	r := s.touch(n)
	if r.table == nil {
		r.table = t.Clone()
	}
	return r.table
}

// ColumnsKnown says whether every column of a relation is known.
func (s *relations) ColumnsKnown(n catalog.Ref) bool {
	r := s.Touched[n]
	return s.Table(n) != nil && (r == nil || !r.columnsUncertain)
}

// Each visits every relation that is known at this point.
func (s *relations) Each(visit func(catalog.Ref, *catalog.Table)) {
	for n, t := range s.base.tables {
		if r := s.Touched[n]; r == nil || r.table == nil && !r.gone && !r.isNew {
			visit(n, t)
		}
	}
	for n, r := range s.Touched {
		if r.table != nil && !r.gone {
			visit(n, r.table)
		}
	}
}

// Descendants gives the partitions and children of a relation, and theirs.
func (s *relations) Descendants(n catalog.Ref) []catalog.Ref {
	if !s.base.parents {
		return nil
	}
	children := map[catalog.Ref][]catalog.Ref{}
	s.Each(func(child catalog.Ref, t *catalog.Table) {
		for _, p := range t.Parents {
			children[p] = append(children[p], child)
		}
	})
	// a script can claim a circle that no server would make
	seen := map[catalog.Ref]bool{n: true}
	next := []catalog.Ref{n}
	var out []catalog.Ref
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, child := range children[at] {
			if !seen[child] {
				seen[child] = true
				out, next = append(out, child), append(next, child)
			}
		}
	}
	return sortedNames(out)
}

func sortedNames(all []catalog.Ref) []catalog.Ref {
	slices.SortFunc(all, func(a, b catalog.Ref) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all)
}

// storage gives the relations that hold the rows of one: itself, or the partitions.
func (s *relations) storage(n catalog.Ref) []catalog.Ref {
	var out []catalog.Ref
	for _, x := range append([]catalog.Ref{n}, s.Descendants(n)...) {
		if t := s.Table(x); t == nil || t.Kind != catalog.KindPartitioned {
			out = append(out, x)
		}
	}
	return out
}

// ReferencedBy gives the tables with a foreign key to one, itself left out.
func (s *relations) ReferencedBy(n catalog.Ref) []catalog.Ref {
	var out []catalog.Ref
	s.Each(func(other catalog.Ref, t *catalog.Table) {
		if other != n && slices.ContainsFunc(t.ForeignKeys, func(k catalog.ForeignKey) bool { return k.Target == n }) {
			out = append(out, other)
		}
	})
	return sortedNames(out)
}

// ViewsOn gives the views that read a relation or, when column is given, that column.
func (s *relations) ViewsOn(n catalog.Ref, column string) []catalog.Ref {
	var out []catalog.Ref
	s.Each(func(view catalog.Ref, t *catalog.Table) {
		if slices.ContainsFunc(t.Uses, func(u catalog.Use) bool {
			return u.Schema == n.Schema && u.Table == n.Name && (column == "" || u.Column == column)
		}) {
			out = append(out, view)
		}
	})
	return sortedNames(out)
}

// Hidden says whether nothing is known about what a schema holds.
func (s *relations) Hidden(schema string) bool {
	return strings.HasPrefix(schema, "pg_") || schema == "information_schema" || s.Catalog != nil &&
		slices.Contains(s.Catalog.Hidden, schema)
}

// Present says whether something of that name is known to exist.
func (s *relations) Present(n catalog.Ref) bool {
	if r := s.Touched[n]; r != nil && (r.isNew || r.gone) {
		return r.isNew
	}
	if s.Table(n) != nil || s.base.others[n] && !s.dropped[n] {
		return true
	}
	_, made := s.IndexTable[n]
	return made || s.Sequences[n]
}

// Missing says whether a relation is known not to exist. What cannot be followed makes everything possible.
func (s *relations) Missing(n catalog.Ref) bool {
	return !s.Uncertain && s.Absent(n) && !s.Present(n) && n.Schema != temporary
}

// RowHolders names those of them that the script did not make.
func (s *relations) RowHolders(n catalog.Ref) []string {
	var out []string
	for _, x := range s.storage(n) {
		if !s.IsNew(x) {
			out = append(out, x.String())
		}
	}
	return out
}

// Evidence says what is known of the database rests on.
func (s *State) Evidence() string {
	if s.Catalog != nil {
		return "catalog"
	}
	return "text"
}

// InCatalog says whether the catalog has a relation.
func (s *relations) InCatalog(n catalog.Ref) bool { return s.base.tables[n] != nil }

// IsIndexOrSequence says whether a name of the catalog is that of an index or a sequence.
func (s *relations) IsIndexOrSequence(n catalog.Ref) bool { return s.base.others[n] }

// ValidChecks gives the valid CHECKs of a relation, of the script and of the catalog.
func (s *relations) ValidChecks(n catalog.Ref) []*pg.Node {
	var out []*pg.Node
	if r := s.Touched[n]; r != nil {
		for _, c := range r.checks {
			if c.valid {
				out = append(out, c.expr)
			}
		}
	}
	if t := s.Table(n); t != nil {
		for _, c := range t.Checks {
			if c.Valid {
				out = append(out, syntax.ParseExpression(c.Expression))
			}
		}
	}
	return out
}

// Distinct gives each name once, in order.
func Distinct(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }

// SameSet says whether two lists have the same names.
func SameSet(a, b []string) bool { return slices.Equal(Distinct(a), Distinct(b)) }

// Locked lists relations that others use and that the open unit holds in a mode that stops writers; those that stop
// readers come first.
func (s *relations) Locked() []catalog.Ref {
	var readers, writers []catalog.Ref
	for n, r := range s.Touched {
		switch {
		case r.isNew || r.Locked == "":
		case r.Locked == report.AccessExclusive:
			readers = append(readers, n)
		default:
			writers = append(writers, n)
		}
	}
	return append(sortedNames(readers), sortedNames(writers)...)
}

// relation is what the script did to one relation so far.
type relation struct {
	isNew            bool                 // made by this script, so nobody else uses it
	gone             bool                 // dropped or renamed away by this script
	columns          map[string]newColumn // columns that the script added
	checks           map[string]checking  // CHECKs that the script added
	table            *catalog.Table       // what the script made of it; nil: as the catalog says
	columnsUncertain bool                 // not every column is known
	moved            bool                 // renamed by the script from something of which nothing is known
	Locked           string               // strongest lock that the open unit took on it
}

type newColumn struct{ typ string }

type checking struct {
	expr  *pg.Node
	valid bool
}

// relations is what is known of tables, views, indexes and sequences while the script runs.
type relations struct {
	Catalog *catalog.Catalog
	base    Base
	// path is the search path.
	path []string
	// uncertain says that something which cannot be followed may have made or dropped relations.
	Uncertain bool
	Touched   map[catalog.Ref]*relation
	// indexTable has the indexes that the script made, dropped the indexes and sequences of the catalog that it
	// dropped.
	IndexTable map[catalog.Ref]catalog.Ref
	dropped    map[catalog.Ref]bool
	Sequences  map[catalog.Ref]bool
}

// loseIndex and gainIndex note that a name is free, or that of an index of a table.
func (s *relations) loseIndex(n catalog.Ref) {
	s.dropped[n] = true
	delete(s.IndexTable, n)
}

func (s *relations) gainIndex(n, table catalog.Ref) {
	s.IndexTable[n] = table
	delete(s.dropped, n)
}
