package schema

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/syntax"
)

func (s change) createTable(c *pg.CreateStmt) {
	r := c.GetRelation()
	n := s.NameOfNew(r)
	if r.GetRelpersistence() == "t" {
		n = catalog.Ref{Schema: temporary, Name: r.GetRelname()}
	}
	before := s.IsNew(n)
	s.createAs(r, c.GetIfNotExists() || s.doubt)
	if s.IsNew(n) && !before {
		s.define(n, c)
		s.touch(n).columnsUncertain = s.touch(n).columnsUncertain || s.doubt
	}
}

func (s change) applyIndex(i *pg.IndexStmt) {
	t := s.Named(i.GetRelation())
	x := catalog.Index{Name: i.GetIdxname(), Unique: i.GetUnique(), Valid: true, Partial: i.GetWhereClause() != nil,
		Depends: syntax.ColumnsOf(i.GetWhereClause())}
	for _, e := range i.GetIndexParams() {
		x.Columns = append(x.Columns, e.GetIndexElem().GetName())
		x.Depends = append(x.Depends, syntax.ColumnsOf(e.GetIndexElem().GetExpr())...)
	}
	// the server chooses the name; nobody is told which
	if x.Name == "" {
		if known := s.Edit(t); known != nil && !s.doubt {
			known.Indexes = append(known.Indexes, x)
		}
		return
	}
	at := catalog.Ref{Schema: t.Schema, Name: x.Name}
	s.gainIndex(at, t)
	if known := s.Edit(t); known != nil && !s.doubt && known.Index(x.Name) == nil {
		known.Indexes = append(known.Indexes, x)
	}
}

func (s change) applyDrop(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		n := s.Listed(o)
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
			pg.ObjectType_OBJECT_FOREIGN_TABLE:
			if s.doubt {
				// it is there, or it is not
				s.Uncertain = true
			}
			s.forget(n, d.GetBehavior() == pg.DropBehavior_DROP_CASCADE)
		case pg.ObjectType_OBJECT_INDEX:
			if t, ok := s.TableOfIndex(n); ok {
				if known := s.Edit(t); known != nil {
					known.Indexes = slices.DeleteFunc(known.Indexes,
						func(x catalog.Index) bool { return x.Name == n.Name && !s.doubt })
				}
			}
			s.loseIndex(n)
		case pg.ObjectType_OBJECT_SEQUENCE:
			s.dropped[n] = true
			delete(s.Sequences, n)
		case pg.ObjectType_OBJECT_TRIGGER:
			relation, trigger := s.MemberOf(o)
			if known := s.Edit(relation); known != nil {
				known.Triggers = slices.DeleteFunc(known.Triggers,
					func(t catalog.Trigger) bool { return t.Name == trigger })
			}
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			delete(s.Types, n.Name)
			s.droppedTypes[n.Name] = true
		case pg.ObjectType_OBJECT_SCHEMA, pg.ObjectType_OBJECT_EXTENSION, pg.ObjectType_OBJECT_FUNCTION:
			s.Uncertain = s.Uncertain || d.GetBehavior() == pg.DropBehavior_DROP_CASCADE ||
				d.GetRemoveType() != pg.ObjectType_OBJECT_FUNCTION
		}
	}
}

// forget takes a relation away, and with CASCADE the views and foreign keys that need it.
func (s change) forget(n catalog.Ref, cascade bool) {
	var views []catalog.Ref
	if cascade {
		for _, other := range s.ReferencedBy(n) {
			if t := s.Edit(other); t != nil {
				t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k catalog.ForeignKey) bool {
					return k.Target == n
				})
			}
		}
		views = s.ViewsOn(n, "")
	}
	heirs := s.Descendants(n)
	s.remove(n)
	for _, heir := range heirs {
		s.remove(heir)
	}
	for _, view := range views {
		if !s.touch(view).gone {
			s.forget(view, true)
		}
	}
}

func (s change) remove(n catalog.Ref) {
	if t := s.Table(n); t != nil {
		for _, x := range t.Indexes {
			s.loseIndex(n.WithName(x.Name))
		}
	}
	r := s.touch(n)
	r.isNew, r.gone, r.table = false, true, nil
	clear(r.columns)
	clear(r.checks)
}

func (s change) applyRename(r *pg.RenameStmt) {
	if r.GetRelation() == nil {
		return
	}
	from := s.Named(r.GetRelation())
	s.Uncertain = s.Uncertain || s.doubt
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_COLUMN:
		for _, n := range append([]catalog.Ref{from}, s.Descendants(from)...) {
			s.renameColumn(n, r.GetSubname(), r.GetNewname())
		}
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		if t := s.Edit(from); t != nil {
			t.RenameConstraint(r.GetSubname(), r.GetNewname())
			// its index has the same name
			if t.Index(r.GetNewname()) != nil {
				s.loseIndex(from.WithName(r.GetSubname()))
				s.gainIndex(from.WithName(r.GetNewname()), from)
			}
		}
		rel := s.touch(from)
		if c, ok := rel.checks[r.GetSubname()]; ok {
			delete(rel.checks, r.GetSubname())
			rel.checks[r.GetNewname()] = c
		}
	case pg.ObjectType_OBJECT_TRIGGER:
		if g := s.Edit(from).Trigger(r.GetSubname()); g != nil && !s.doubt {
			g.Name = r.GetNewname()
		}
	case pg.ObjectType_OBJECT_SEQUENCE:
		s.dropped[from] = true
		delete(s.Sequences, from)
		delete(s.dropped, from.WithName(r.GetNewname()))
		s.Sequences[from.WithName(r.GetNewname())] = true
	case pg.ObjectType_OBJECT_INDEX:
		delete(s.dropped, from.WithName(r.GetNewname()))
		if t, ok := s.TableOfIndex(from); ok {
			if x := s.Edit(t).Index(from.Name); x != nil {
				x.Name = r.GetNewname()
			}
			s.loseIndex(from)
			s.IndexTable[from.WithName(r.GetNewname())] = t
		}
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		s.move(from, from.WithName(r.GetNewname()))
	}
}

func (s change) applySchema(a *pg.AlterObjectSchemaStmt) {
	if a.GetRelation() == nil {
		s.Uncertain = true
		return
	}
	s.Uncertain = s.Uncertain || s.doubt
	from := s.Named(a.GetRelation())
	s.move(from, catalog.Ref{Schema: a.GetNewschema(), Name: from.Name})
}

func (s change) renameColumn(n catalog.Ref, from, to string) {
	rel := s.touch(n)
	if c, ok := rel.columns[from]; ok {
		delete(rel.columns, from)
		rel.columns[to] = c
	}
	if t := s.Edit(n); t != nil {
		for _, c := range t.Checks {
			if slices.Contains(c.Columns, from) && c.Expression != "" {
				// its text has the old name; it proves nothing any more
				rel.checks[c.Name] = checking{}
			}
		}
		t.RenameColumn(from, to)
	}
	s.Each(func(view catalog.Ref, t *catalog.Table) {
		for i, u := range t.Uses {
			if u.Schema == n.Schema && u.Table == n.Name && u.Column == from {
				s.Edit(view).Uses[i].Column = to
			}
		}
	})
}

// move gives a relation another name, also where others name it.
func (s change) move(from, to catalog.Ref) {
	old, known := s.touch(from), s.Edit(from)
	moved := *old
	if known != nil {
		known.Schema, known.Name = to.Schema, to.Name
		moved.table = known
		for _, x := range known.Indexes {
			if from.Schema != to.Schema {
				s.dropped[from.WithName(x.Name)] = true
			}
			s.IndexTable[to.WithName(x.Name)] = to
		}
	}
	for x, t := range s.IndexTable {
		if t == from {
			s.IndexTable[x] = to
		}
	}
	for _, other := range s.ReferencedBy(from) {
		if t := s.Edit(other); t != nil {
			for i := range t.ForeignKeys {
				if t.ForeignKeys[i].Target == from {
					t.ForeignKeys[i].Target = to
				}
			}
		}
	}
	for _, view := range s.ViewsOn(from, "") {
		if t := s.Edit(view); t != nil {
			for i := range t.Uses {
				if t.Uses[i].Schema == from.Schema && t.Uses[i].Table == from.Name {
					t.Uses[i].Schema, t.Uses[i].Table = to.Schema, to.Name
				}
			}
		}
	}
	for _, child := range s.Descendants(from) {
		if t := s.Edit(child); t != nil {
			for i := range t.Parents {
				if t.Parents[i] == from {
					t.Parents[i] = to
				}
			}
		}
	}
	moved.gone = false
	s.Touched[to] = &moved
	s.Touched[from] = &relation{gone: true, columns: map[string]newColumn{}, checks: map[string]checking{}}
	if moved.table == nil && !moved.isNew {
		s.Touched[to].columnsUncertain, s.Touched[to].moved = true, true
	}
}
