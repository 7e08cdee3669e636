package sqlreview

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

func qualifiedName(parts []*pg.Node) (schema, n string) {
	for _, p := range parts {
		schema, n = n, p.GetString_().GetSval()
	}
	return schema, n
}

func (t *Table) trigger(n string) *Trigger {
	if t == nil {
		return nil
	}
	for i := range t.Triggers {
		if t.Triggers[i].Name == n {
			return &t.Triggers[i]
		}
	}
	return nil
}

func (s *state) createTable(c *pg.CreateStmt, guarded bool) {
	r := c.GetRelation()
	n := s.made(r)
	if r.GetRelpersistence() == "t" {
		n = name{temporary, r.GetRelname()}
	}
	before := s.isFresh(n)
	s.createAs(r, c.GetIfNotExists() || guarded)
	if s.isFresh(n) && !before {
		s.define(n, c)
		s.of(n).loose = s.of(n).loose || guarded
	}
}

func (s *state) applyIndex(i *pg.IndexStmt, guarded bool) {
	t := s.named(i.GetRelation())
	x := Index{Name: i.GetIdxname(), Unique: i.GetUnique(), Valid: true, Partial: i.GetWhereClause() != nil, Depends: columnsOf(i.GetWhereClause())}
	for _, e := range i.GetIndexParams() {
		x.Columns = append(x.Columns, e.GetIndexElem().GetName())
		x.Depends = append(x.Depends, columnsOf(e.GetIndexElem().GetExpr())...)
	}
	if x.Name == "" { // the server chooses the name; nobody is told which
		if known := s.change(t); known != nil && !guarded {
			known.Indexes = append(known.Indexes, x)
		}
		return
	}
	at := name{t.schema, x.Name}
	s.indexTable[at] = t
	delete(s.dropped, at)
	if known := s.change(t); known != nil && !guarded && known.index(x.Name) == nil {
		known.Indexes = append(known.Indexes, x)
	}
}

func (s *state) applyDrop(d *pg.DropStmt, guarded bool) {
	for _, o := range d.GetObjects() {
		n := s.listed(o)
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_FOREIGN_TABLE:
			if guarded {
				s.murky = true // it is there, or it is not
			}
			s.forget(n, d.GetBehavior() == pg.DropBehavior_DROP_CASCADE)
		case pg.ObjectType_OBJECT_INDEX:
			if t, ok := s.tableOfIndex(n); ok {
				if known := s.change(t); known != nil {
					known.Indexes = slices.DeleteFunc(known.Indexes, func(x Index) bool { return x.Name == n.name && !guarded })
				}
			}
			s.dropped[n] = true
			delete(s.indexTable, n)
		case pg.ObjectType_OBJECT_SEQUENCE:
			s.dropped[n] = true
			delete(s.sequences, n)
		case pg.ObjectType_OBJECT_TRIGGER:
			relation, trigger := s.memberOf(o)
			if known := s.change(relation); known != nil {
				known.Triggers = slices.DeleteFunc(known.Triggers, func(t Trigger) bool { return t.Name == trigger })
			}
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			delete(s.types, n.name)
			s.droppedTypes[n.name] = true
		case pg.ObjectType_OBJECT_SCHEMA, pg.ObjectType_OBJECT_EXTENSION, pg.ObjectType_OBJECT_FUNCTION:
			s.murky = s.murky || d.GetBehavior() == pg.DropBehavior_DROP_CASCADE || d.GetRemoveType() != pg.ObjectType_OBJECT_FUNCTION
		}
	}
}

// memberOf splits the name of a trigger, policy or rule into its relation and its own name.
func (s *state) memberOf(o *pg.Node) (relation name, member string) {
	items := o.GetList().GetItems()
	if len(items) < 2 {
		return name{}, ""
	}
	schema, n := qualifiedName(items[:len(items)-1])
	return s.qualify(schema, n), items[len(items)-1].GetString_().GetSval()
}

// forget takes a relation away, and with CASCADE the views and foreign keys that need it.
func (s *state) forget(n name, cascade bool) {
	var views []name
	if cascade {
		for _, other := range s.referrers(n) {
			if t := s.change(other); t != nil {
				t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Target == n.ref() })
			}
		}
		views = s.readers(n, "")
	}
	heirs := s.heirs(n)
	s.gone(n)
	for _, heir := range heirs {
		s.gone(heir)
	}
	for _, view := range views {
		if !s.of(view).gone {
			s.forget(view, true)
		}
	}
}

func (s *state) gone(n name) {
	if t := s.table(n); t != nil {
		for _, x := range t.Indexes {
			s.dropped[name{n.schema, x.Name}] = true
			delete(s.indexTable, name{n.schema, x.Name})
		}
	}
	r := s.of(n)
	r.fresh, r.gone, r.known = false, true, nil
	clear(r.columns)
	clear(r.checks)
}

func (s *state) applyRename(r *pg.RenameStmt, guarded bool) {
	if r.GetRelation() == nil {
		return
	}
	from := s.named(r.GetRelation())
	s.murky = s.murky || guarded
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_COLUMN:
		for _, n := range append([]name{from}, s.heirs(from)...) {
			s.renameColumn(n, r.GetSubname(), r.GetNewname())
		}
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		if t := s.change(from); t != nil {
			t.renameConstraint(r.GetSubname(), r.GetNewname())
			if t.index(r.GetNewname()) != nil { // its index has the same name
				s.dropped[name{from.schema, r.GetSubname()}] = true
				delete(s.indexTable, name{from.schema, r.GetSubname()})
				delete(s.dropped, name{from.schema, r.GetNewname()})
				s.indexTable[name{from.schema, r.GetNewname()}] = from
			}
		}
		rel := s.of(from)
		if c, ok := rel.checks[r.GetSubname()]; ok {
			delete(rel.checks, r.GetSubname())
			rel.checks[r.GetNewname()] = c
		}
	case pg.ObjectType_OBJECT_TRIGGER:
		if g := s.change(from).trigger(r.GetSubname()); g != nil && !guarded {
			g.Name = r.GetNewname()
		}
	case pg.ObjectType_OBJECT_SEQUENCE:
		s.dropped[from] = true
		delete(s.sequences, from)
		delete(s.dropped, name{from.schema, r.GetNewname()})
		s.sequences[name{from.schema, r.GetNewname()}] = true
	case pg.ObjectType_OBJECT_INDEX:
		delete(s.dropped, name{from.schema, r.GetNewname()})
		if t, ok := s.tableOfIndex(from); ok {
			if x := s.change(t).index(from.name); x != nil {
				x.Name = r.GetNewname()
			}
			s.dropped[from] = true
			delete(s.indexTable, from)
			s.indexTable[name{from.schema, r.GetNewname()}] = t
		}
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		s.move(from, name{from.schema, r.GetNewname()})
	}
}

func (s *state) applySchema(a *pg.AlterObjectSchemaStmt, guarded bool) {
	if a.GetRelation() == nil {
		s.murky = true
		return
	}
	s.murky = s.murky || guarded
	from := s.named(a.GetRelation())
	s.move(from, name{a.GetNewschema(), from.name})
}

func (s *state) renameColumn(n name, from, to string) {
	rel := s.of(n)
	if c, ok := rel.columns[from]; ok {
		delete(rel.columns, from)
		rel.columns[to] = c
	}
	if t := s.change(n); t != nil {
		for _, c := range t.Checks {
			if slices.Contains(c.Columns, from) && c.Expression != "" {
				rel.checks[c.Name] = checking{} // its text has the old name; it proves nothing any more
			}
		}
		t.renameColumn(from, to)
	}
	s.all(func(view name, t *Table) {
		for i, u := range t.Uses {
			if u.Schema == n.schema && u.Table == n.name && u.Column == from {
				s.change(view).Uses[i].Column = to
			}
		}
	})
}

func (t *Table) renameConstraint(from, to string) {
	if c := t.check(from); c != nil {
		c.Name = to
	}
	if k := t.foreignKey(from); k != nil {
		k.Name = to
	}
	if x := t.index(from); x != nil {
		x.Name = to
	}
}

// move gives a relation another name, also where others name it.
func (s *state) move(from, to name) {
	old, known := s.of(from), s.change(from)
	moved := *old
	if known != nil {
		known.Schema, known.Name = to.schema, to.name
		moved.known = known
		for _, x := range known.Indexes {
			if from.schema != to.schema {
				s.dropped[name{from.schema, x.Name}] = true
			}
			s.indexTable[name{to.schema, x.Name}] = to
		}
	}
	for x, t := range s.indexTable {
		if t == from {
			s.indexTable[x] = to
		}
	}
	for _, other := range s.referrers(from) {
		if t := s.change(other); t != nil {
			for i := range t.ForeignKeys {
				if t.ForeignKeys[i].Target == from.ref() {
					t.ForeignKeys[i].Target = to.ref()
				}
			}
		}
	}
	for _, view := range s.readers(from, "") {
		if t := s.change(view); t != nil {
			for i := range t.Uses {
				if t.Uses[i].Schema == from.schema && t.Uses[i].Table == from.name {
					t.Uses[i].Schema, t.Uses[i].Table = to.schema, to.name
				}
			}
		}
	}
	for _, child := range s.heirs(from) {
		if t := s.change(child); t != nil {
			for i := range t.Parents {
				if t.Parents[i] == from.ref() {
					t.Parents[i] = to.ref()
				}
			}
		}
	}
	moved.gone = false
	s.relations[to] = &moved
	s.relations[from] = &relation{gone: true, columns: map[string]fresh{}, checks: map[string]checking{}}
	if moved.known == nil && !moved.fresh {
		s.relations[to].loose, s.relations[to].moved = true, true
	}
}
