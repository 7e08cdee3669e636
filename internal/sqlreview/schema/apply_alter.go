package schema

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/syntax"
)

// applyAlter notes what an ALTER TABLE makes of a relation and its heirs. What stands under a condition may not have
// run: it makes nothing new and proves nothing, and the columns are not all known any more.
func (s change) applyAlter(a *pg.AlterTableStmt) {
	n := s.Named(a.GetRelation())
	if a.GetObjtype() == pg.ObjectType_OBJECT_INDEX || a.GetObjtype() == pg.ObjectType_OBJECT_SEQUENCE {
		return
	}
	all := []catalog.Ref{n}
	if a.GetRelation().GetInh() {
		all = append(all, s.Descendants(n)...)
	}
	for _, node := range a.GetCmds() {
		c := node.GetAlterTableCmd()
		for _, x := range all {
			s.touch(x).columnsUncertain = s.touch(x).columnsUncertain || s.doubt
			s.alterOne(x, c)
		}
	}
}

func (s change) alterOne(n catalog.Ref, c *pg.AlterTableCmd) {
	r, t := s.touch(n), s.Edit(n)
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		s.addColumn(n, c)
	case pg.AlterTableType_AT_AddConstraint:
		k := c.GetDef().GetConstraint()
		switch {
		case k.GetContype() == pg.ConstrType_CONSTR_CHECK && (t == nil || s.doubt):
			r.checks[k.GetConname()] = checking{k.GetRawExpr(), !k.GetSkipValidation() && !s.doubt}
		case t != nil && !s.doubt:
			s.defineConstraint(t, k, "")
		}
	case pg.AlterTableType_AT_ValidateConstraint:
		if !s.doubt {
			s.validate(n, r, c.GetName())
		}
	case pg.AlterTableType_AT_DropConstraint:
		r.checks[c.GetName()] = checking{}
		if t != nil {
			s.lose(t, func() { t.DropConstraint(c.GetName()) })
		}
	case pg.AlterTableType_AT_DropColumn:
		delete(r.columns, c.GetName())
		if t != nil && !s.doubt {
			if c.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
				for _, view := range s.ViewsOn(n, c.GetName()) {
					s.forget(view, true)
				}
			}
			s.lose(t, func() { t.DropColumn(c.GetName()) })
		}
	case pg.AlterTableType_AT_AttachPartition, pg.AlterTableType_AT_DetachPartition:
		s.applyPartition(n, c)
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged:
		if t != nil {
			t.Unlogged = c.GetSubtype() == pg.AlterTableType_AT_SetUnLogged
		}
	case pg.AlterTableType_AT_AddInherit, pg.AlterTableType_AT_DropInherit:
		parent := s.Named(c.GetDef().GetRangeVar())
		if t != nil && c.GetSubtype() == pg.AlterTableType_AT_AddInherit {
			t.Parents = append(t.Parents, parent)
			s.base.parents = true
		} else if t != nil {
			t.Parents = slices.DeleteFunc(t.Parents, func(p catalog.Ref) bool { return p == parent })
		}
	default:
		s.alterColumn(n, c)
	}
}

// lose runs a change and sets the names of the indexes free that it takes along.
func (s change) lose(t *catalog.Table, change func()) {
	before := slices.Clone(t.Indexes)
	change()
	for _, x := range before {
		if t.Index(x.Name) == nil {
			s.loseIndex(catalog.Ref{Schema: t.Schema, Name: x.Name})
		}
	}
}

func (s change) addColumn(n catalog.Ref, c *pg.AlterTableCmd) {
	r, t, def := s.touch(n), s.Edit(n), c.GetDef().GetColumnDef()
	if (c.GetMissingOk() || s.doubt) && (s.Catalog == nil || s.Table(n).Column(def.GetColname()) != nil) {
		// IF NOT EXISTS proves nothing by itself
		return
	}
	r.columns[def.GetColname()] = newColumn{syntax.TypeOf(def.GetTypeName()).String()}
	if t != nil && t.Column(def.GetColname()) == nil {
		s.DefineColumn(t, def)
	}
}

func (s change) applyPartition(n catalog.Ref, c *pg.AlterTableCmd) {
	child := s.Named(c.GetDef().GetPartitionCmd().GetName())
	t := s.Edit(child)
	if t == nil || s.doubt {
		return
	}
	t.Partition = c.GetSubtype() == pg.AlterTableType_AT_AttachPartition
	t.Parents = nil
	if t.Partition {
		t.Parents = []catalog.Ref{n}
		s.base.parents = true
	}
}

// alterColumn notes what becomes of one column.
func (s change) alterColumn(n catalog.Ref, c *pg.AlterTableCmd) {
	if s.doubt {
		return
	}
	col := s.Edit(n).Column(c.GetName())
	if c.GetSubtype() == pg.AlterTableType_AT_AlterColumnType {
		typ := syntax.TypeOf(c.GetDef().GetColumnDef().GetTypeName()).String()
		if _, made := s.touch(n).columns[c.GetName()]; made {
			s.touch(n).columns[c.GetName()] = newColumn{typ}
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
func (s change) validate(n catalog.Ref, r *relation, constraint string) {
	t := s.Edit(n)
	if k := t.ForeignKey(constraint); k != nil {
		k.Valid = true
	}
	known := t.Check(constraint)
	if c, ok := r.checks[constraint]; ok {
		c.valid = true
		r.checks[constraint] = c
	} else if known != nil {
		r.checks[constraint] = checking{syntax.ParseExpression(known.Expression), true}
	}
	if known != nil {
		known.Valid = true
	}
}
