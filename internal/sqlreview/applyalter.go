package sqlreview

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// applyAlter notes what an ALTER TABLE makes of a relation and its heirs. What
// stands under a condition may not have run: it makes nothing new and proves
// nothing, and the columns are not all known any more.
func (s *state) applyAlter(a *pg.AlterTableStmt, guarded bool) {
	n := s.named(a.GetRelation())
	if a.GetObjtype() == pg.ObjectType_OBJECT_INDEX || a.GetObjtype() == pg.ObjectType_OBJECT_SEQUENCE {
		return
	}
	all := []name{n}
	if a.GetRelation().GetInh() {
		all = append(all, s.heirs(n)...)
	}
	for _, node := range a.GetCmds() {
		c := node.GetAlterTableCmd()
		for _, x := range all {
			s.of(x).loose = s.of(x).loose || guarded
			s.alterOne(x, c, guarded)
		}
	}
}

func (s *state) alterOne(n name, c *pg.AlterTableCmd, guarded bool) {
	r, t := s.of(n), s.change(n)
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		s.addColumn(n, c, guarded)
	case pg.AlterTableType_AT_AddConstraint:
		k := c.GetDef().GetConstraint()
		switch {
		case k.GetContype() == pg.ConstrType_CONSTR_CHECK && (t == nil || guarded):
			r.checks[k.GetConname()] = checking{k.GetRawExpr(), !k.GetSkipValidation() && !guarded}
		case t != nil && !guarded:
			s.defineConstraint(t, k, "")
		}
	case pg.AlterTableType_AT_ValidateConstraint:
		if !guarded {
			s.validate(n, r, c.GetName())
		}
	case pg.AlterTableType_AT_DropConstraint:
		r.checks[c.GetName()] = checking{}
		if t != nil {
			s.lose(t, func() { t.dropConstraint(c.GetName()) })
		}
	case pg.AlterTableType_AT_DropColumn:
		delete(r.columns, c.GetName())
		if t != nil && !guarded {
			if c.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
				for _, view := range s.readers(n, c.GetName()) {
					s.forget(view, true)
				}
			}
			s.lose(t, func() { t.dropColumn(c.GetName()) })
		}
	case pg.AlterTableType_AT_AttachPartition, pg.AlterTableType_AT_DetachPartition:
		s.applyPartition(n, c, guarded)
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged:
		if t != nil {
			t.Unlogged = c.GetSubtype() == pg.AlterTableType_AT_SetUnLogged
		}
	case pg.AlterTableType_AT_AddInherit, pg.AlterTableType_AT_DropInherit:
		parent := s.named(c.GetDef().GetRangeVar())
		if t != nil && c.GetSubtype() == pg.AlterTableType_AT_AddInherit {
			t.Parents = append(t.Parents, parent.ref())
			s.base.parents = true
		} else if t != nil {
			t.Parents = slices.DeleteFunc(t.Parents, func(p Ref) bool { return p == parent.ref() })
		}
	default:
		s.alterColumn(n, c, guarded)
	}
}

// lose runs a change and sets the names of the indexes free that it takes along.
func (s *state) lose(t *Table, change func()) {
	before := slices.Clone(t.Indexes)
	change()
	for _, x := range before {
		if t.index(x.Name) == nil {
			s.dropped[name{t.Schema, x.Name}] = true
			delete(s.indexTable, name{t.Schema, x.Name})
		}
	}
}

func (s *state) addColumn(n name, c *pg.AlterTableCmd, guarded bool) {
	r, t, def := s.of(n), s.change(n), c.GetDef().GetColumnDef()
	if (c.GetMissingOk() || guarded) && (s.catalog == nil || s.table(n).column(def.GetColname()) != nil) {
		return // IF NOT EXISTS proves nothing by itself
	}
	r.columns[def.GetColname()] = fresh{typeOf(def.GetTypeName()).String()}
	if t != nil && t.column(def.GetColname()) == nil {
		s.defineColumn(t, def)
	}
}

func (s *state) applyPartition(n name, c *pg.AlterTableCmd, guarded bool) {
	child := s.named(c.GetDef().GetPartitionCmd().GetName())
	t := s.change(child)
	if t == nil || guarded {
		return
	}
	t.Partition = c.GetSubtype() == pg.AlterTableType_AT_AttachPartition
	t.Parents = nil
	if t.Partition {
		t.Parents = []Ref{n.ref()}
		s.base.parents = true
	}
}

// alterColumn notes what becomes of one column.
func (s *state) alterColumn(n name, c *pg.AlterTableCmd, guarded bool) {
	if guarded {
		return
	}
	col := s.change(n).column(c.GetName())
	if c.GetSubtype() == pg.AlterTableType_AT_AlterColumnType {
		typ := typeOf(c.GetDef().GetColumnDef().GetTypeName()).String()
		if _, made := s.of(n).columns[c.GetName()]; made {
			s.of(n).columns[c.GetName()] = fresh{typ}
		}
		if col != nil {
			col.Type = typ
		}
	}
	if col == nil {
		return
	}
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_SetNotNull:
		col.NotNull = true
	case pg.AlterTableType_AT_DropNotNull:
		col.NotNull = false
	case pg.AlterTableType_AT_ColumnDefault:
		col.HasDefault = c.GetDef() != nil
	case pg.AlterTableType_AT_AddIdentity:
		col.Identity, col.HasDefault = true, true
	case pg.AlterTableType_AT_DropIdentity:
		col.Identity, col.HasDefault = false, false
	}
}

// validate marks a CHECK or foreign key as valid, of the script or of the catalog.
func (s *state) validate(n name, r *relation, constraint string) {
	t := s.change(n)
	if k := t.foreignKey(constraint); k != nil {
		k.Valid = true
	}
	known := t.check(constraint)
	if c, ok := r.checks[constraint]; ok {
		c.valid = true
		r.checks[constraint] = c
	} else if known != nil {
		r.checks[constraint] = checking{parseExpression(known.Expression), true}
	}
	if known != nil {
		known.Valid = true
	}
}
