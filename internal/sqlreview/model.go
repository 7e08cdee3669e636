package sqlreview

import (
	"slices"
	"strings"
)

// index finds the catalog's relations by name.
type index struct {
	tables  map[name]*Table
	names   map[name]string // indexes and sequences share the names of relations: "index", "sequence"
	parents bool            // some relation has parents
}

func indexOf(c *Catalog) index {
	ix := index{tables: map[name]*Table{}, names: map[name]string{}}
	if c == nil {
		return ix
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		ix.tables[name{t.Schema, t.Name}] = t
		ix.parents = ix.parents || len(t.Parents) > 0
		for _, x := range t.Indexes {
			ix.names[name{t.Schema, x.Name}] = "index"
		}
	}
	for _, q := range c.Sequences {
		ix.names[name{q.Schema, q.Name}] = "sequence"
	}
	return ix
}

// table gives a relation as it is at this point, to be read only. Nil means
// that it is absent or that nothing is known about it.
func (s *state) table(n name) *Table {
	if r := s.relations[n]; r != nil {
		if r.known != nil || r.gone || r.fresh {
			return r.known
		}
	}
	return s.base.tables[n]
}

// change gives a relation's own copy, to be changed; nil as table does.
func (s *state) change(n name) *Table {
	t := s.table(n)
	if t == nil {
		return nil
	}
	r := s.of(n)
	if r.known == nil {
		r.known = t.clone()
	}
	return r.known
}

func (t *Table) clone() *Table {
	c := *t
	c.Columns, c.Checks, c.Indexes = slices.Clone(t.Columns), slices.Clone(t.Checks), slices.Clone(t.Indexes)
	c.ForeignKeys, c.Triggers = slices.Clone(t.ForeignKeys), slices.Clone(t.Triggers)
	c.Parents, c.Uses = slices.Clone(t.Parents), slices.Clone(t.Uses)
	return &c
}

// whole says whether every column of a relation is known.
func (s *state) whole(n name) bool {
	r := s.relations[n]
	return s.table(n) != nil && (r == nil || !r.loose)
}

// all visits every relation that is known at this point.
func (s *state) all(visit func(name, *Table)) {
	for n, t := range s.base.tables {
		if r := s.relations[n]; r == nil || r.known == nil && !r.gone && !r.fresh {
			visit(n, t)
		}
	}
	for n, r := range s.relations {
		if r.known != nil && !r.gone {
			visit(n, r.known)
		}
	}
}

// heirs gives the partitions and children of a relation, and theirs.
func (s *state) heirs(n name) []name {
	if !s.base.parents {
		return nil
	}
	children := map[Ref][]name{}
	s.all(func(child name, t *Table) {
		for _, p := range t.Parents {
			children[p] = append(children[p], child)
		}
	})
	seen := map[name]bool{n: true} // a script can claim a circle that no server would make
	next := []name{n}
	var out []name
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, child := range children[at.ref()] {
			if !seen[child] {
				seen[child] = true
				out, next = append(out, child), append(next, child)
			}
		}
	}
	return sortedNames(out)
}

func (n name) ref() Ref { return Ref{n.schema, n.name} }

func sortedNames(all []name) []name {
	slices.SortFunc(all, func(a, b name) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all)
}

// stored gives the relations that hold the rows of one: itself, or the partitions.
func (s *state) stored(n name) []name {
	var out []name
	for _, x := range append([]name{n}, s.heirs(n)...) {
		if t := s.table(x); t == nil || t.Kind != KindPartitioned {
			out = append(out, x)
		}
	}
	return out
}

// referrers gives the tables with a foreign key to one, itself left out.
func (s *state) referrers(n name) []name {
	var out []name
	s.all(func(other name, t *Table) {
		if other != n && slices.ContainsFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Target == n.ref() }) {
			out = append(out, other)
		}
	})
	return sortedNames(out)
}

// readers gives the views that read a relation or, when column is given, that column.
func (s *state) readers(n name, column string) []name {
	var out []name
	s.all(func(view name, t *Table) {
		if slices.ContainsFunc(t.Uses, func(u Use) bool {
			return u.Schema == n.schema && u.Table == n.name && (column == "" || u.Column == column)
		}) {
			out = append(out, view)
		}
	})
	return sortedNames(out)
}

// hidden says whether nothing is known about what a schema holds.
func (s *state) hidden(schema string) bool {
	return strings.HasPrefix(schema, "pg_") || schema == "information_schema" || s.catalog != nil && slices.Contains(s.catalog.Hidden, schema)
}

// present says whether something of that name is known to exist.
func (s *state) present(n name) bool {
	if r := s.relations[n]; r != nil && (r.fresh || r.gone) {
		return r.fresh
	}
	if s.table(n) != nil || s.base.names[n] != "" && !s.dropped[n] {
		return true
	}
	_, made := s.indexTable[n]
	return made || s.sequences[n]
}

// missing says whether a relation is known not to exist. What cannot be
// followed makes everything possible.
func (s *state) missing(n name) bool {
	return !s.murky && s.absent(n) && !s.present(n) && n.schema != temporary
}
