package sqlreview

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// apply moves the model of the database past a statement.
func (s *state) apply(p *pass) {
	n := p.node
	switch {
	case n.GetCreateStmt() != nil:
		s.createAs(n.GetCreateStmt().GetRelation(), n.GetCreateStmt().GetIfNotExists() || p.guarded)
	case n.GetCreateTableAsStmt() != nil:
		s.createAs(n.GetCreateTableAsStmt().GetInto().GetRel(), n.GetCreateTableAsStmt().GetIfNotExists() || p.guarded)
	case n.GetSelectStmt().GetIntoClause() != nil:
		s.createAs(n.GetSelectStmt().GetIntoClause().GetRel(), p.guarded)
	case n.GetViewStmt() != nil:
		if v := s.named(n.GetViewStmt().GetView()); !n.GetViewStmt().GetReplace() || s.absent(v) {
			s.create(v, false)
		}
	case n.GetIndexStmt() != nil:
		t := s.named(n.GetIndexStmt().GetRelation())
		s.indexTable[name{t.schema, n.GetIndexStmt().GetIdxname()}] = t
	case n.GetDropStmt() != nil:
		s.applyDrop(n.GetDropStmt())
	case n.GetRenameStmt() != nil:
		s.applyRename(n.GetRenameStmt())
	case n.GetAlterTableStmt() != nil:
		s.applyAlter(n.GetAlterTableStmt(), p.guarded)
	case n.GetCreateFunctionStmt() != nil:
		s.applyFunction(n.GetCreateFunctionStmt(), *p.leaf)
	case n.GetCreatePolicyStmt() != nil:
		s.policies[s.named(n.GetCreatePolicyStmt().GetTable())] = true
	case n.GetVariableSetStmt() != nil:
		s.setting(n.GetVariableSetStmt())
	default:
		s.applyType(n)
	}
	if !p.alone {
		for _, l := range p.claims.Locks {
			s.hold(l)
		}
	}
}

// hold remembers locks that stop readers or writers until the unit ends.
func (s *state) hold(l Lock) {
	switch l.Mode {
	case accessExclusive, exclusive, shareRowExclusive, share:
	default:
		return
	}
	schema, relname, ok := strings.Cut(l.Relation, ".")
	n := name{schema, relname}
	if !ok {
		n = name{"public", l.Relation}
	}
	if r := s.of(n); r.locked != accessExclusive {
		r.locked = l.Mode
	}
}

// createAs notes a new table; a temporary one hides others of its name.
func (s *state) createAs(r *pg.RangeVar, doubt bool) {
	if r.GetRelpersistence() == "t" {
		s.create(name{temporary, r.GetRelname()}, false)
		return
	}
	n := name{r.GetSchemaname(), r.GetRelname()}
	if n.schema == "" {
		n.schema = s.path
	}
	s.create(n, doubt)
}

func (s *state) applyType(n *pg.Node) {
	switch {
	case n.GetCreateDomainStmt() != nil:
		d := n.GetCreateDomainStmt()
		constrained := false
		for _, c := range d.GetConstraints() {
			switch c.GetConstraint().GetContype() {
			case pg.ConstrType_CONSTR_CHECK, pg.ConstrType_CONSTR_NOTNULL:
				constrained = true
			}
		}
		s.domains[lastName(d.GetDomainname())] = constrained
		s.types[lastName(d.GetDomainname())] = true
	case n.GetCreateEnumStmt() != nil:
		s.types[lastName(n.GetCreateEnumStmt().GetTypeName())] = true
	case n.GetCompositeTypeStmt() != nil:
		s.types[n.GetCompositeTypeStmt().GetTypevar().GetRelname()] = true
	case n.GetAlterEnumStmt() != nil:
		if e := n.GetAlterEnumStmt(); e.GetOldVal() == "" && !slices.Contains(s.labels, e.GetNewVal()) {
			s.labels = append(s.labels, e.GetNewVal())
		}
	}
}

func (s *state) applyDrop(d *pg.DropStmt) {
	switch d.GetRemoveType() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_FOREIGN_TABLE:
	default:
		return
	}
	for _, o := range d.GetObjects() {
		r := s.of(s.listed(o))
		r.fresh, r.gone = false, true
	}
}

func (s *state) applyRename(r *pg.RenameStmt) {
	if r.GetRelation() == nil {
		return
	}
	from := s.named(r.GetRelation())
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_COLUMN:
		rel := s.of(from)
		if c, ok := rel.columns[r.GetSubname()]; ok {
			delete(rel.columns, r.GetSubname())
			rel.columns[r.GetNewname()] = c
		}
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		old := s.of(from)
		moved := *old
		s.relations[name{from.schema, r.GetNewname()}] = &moved
		s.relations[from] = &relation{gone: true, columns: map[string]fresh{}, checks: map[string]checking{}}
	}
}

func (s *state) applyFunction(f *pg.CreateFunctionStmt, l leaf) {
	made := &function{volatility: "v", node: l.node, leaf: l}
	for _, o := range f.GetOptions() {
		if o.GetDefElem().GetDefname() == "volatility" {
			if v := o.GetDefElem().GetArg().GetString_().GetSval(); v != "" {
				made.volatility = v[:1]
			}
		}
	}
	n := lastName(f.GetFuncname())
	s.functions[n] = append(s.functions[n], made)
}

// applyAlter notes new columns and proofs. What stands under a condition may
// not have run: it makes nothing new and proves nothing.
func (s *state) applyAlter(a *pg.AlterTableStmt, guarded bool) {
	n := s.named(a.GetRelation())
	r := s.of(n)
	for _, node := range a.GetCmds() {
		c := node.GetAlterTableCmd()
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn:
			def := c.GetDef().GetColumnDef()
			if known := s.catalog.table(n); (c.GetMissingOk() || guarded) && (s.catalog == nil || known.column(def.GetColname()) != nil) {
				continue // IF NOT EXISTS proves nothing by itself
			}
			r.columns[def.GetColname()] = fresh{typeOf(def.GetTypeName()).String()}
		case pg.AlterTableType_AT_AddConstraint:
			if k := c.GetDef().GetConstraint(); k.GetContype() == pg.ConstrType_CONSTR_CHECK {
				r.checks[k.GetConname()] = checking{k.GetRawExpr(), !k.GetSkipValidation() && !guarded}
			}
		case pg.AlterTableType_AT_ValidateConstraint:
			if !guarded {
				s.validate(n, r, c.GetName())
			}
		case pg.AlterTableType_AT_DropConstraint:
			r.checks[c.GetName()] = checking{}
		}
	}
}

// validate marks a CHECK as valid, of the script or of the catalog.
func (s *state) validate(n name, r *relation, constraint string) {
	if c, ok := r.checks[constraint]; ok {
		c.valid = true
		r.checks[constraint] = c
		return
	}
	if t := s.catalog.table(n); t != nil {
		for _, c := range t.Checks {
			if c.Name == constraint {
				r.checks[constraint] = checking{parseExpression(c.Expression), true}
			}
		}
	}
}

func (s *state) columnIsFresh(n name, column string) bool {
	r := s.relations[n]
	if r == nil {
		return false
	}
	_, ok := r.columns[column]
	return ok
}

// String writes the type as parseType reads it.
func (t sqlType) String() string {
	out := t.name
	if len(t.mods) > 0 {
		var mods []string
		for _, m := range t.mods {
			mods = append(mods, strconv.Itoa(m))
		}
		out += "(" + strings.Join(mods, ",") + ")"
	}
	if t.array {
		out += "[]"
	}
	return out
}
