package failures

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
)

func (p *pass) checkDrop(d *pg.DropStmt) {
	cascade := d.GetBehavior() == pg.DropBehavior_DROP_CASCADE
	p.fail(d.GetConcurrent() && len(d.GetObjects()) > 1, "DROP INDEX CONCURRENTLY takes one index")
	var all []catalog.Ref
	for _, o := range d.GetObjects() {
		all = append(all, p.state.Listed(o))
	}
	for i, o := range d.GetObjects() {
		n := all[i]
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
			p.checkDropRelation(n, all, d.GetMissingOk(), cascade)
		case pg.ObjectType_OBJECT_INDEX:
			p.checkDropIndex(n, d.GetMissingOk())
		case pg.ObjectType_OBJECT_SEQUENCE:
			p.fail(!d.GetMissingOk() && p.state.Missing(n), "sequence %s does not exist", n)
			p.failIf("something depends on it, or it does not exist")
		case pg.ObjectType_OBJECT_EXTENSION:
			p.fail(!d.GetMissingOk() && p.state.NamesKnown() && !p.state.Installed(o.GetString_().GetSval()),
				"extension %s does not exist", o.GetString_().GetSval())
			p.failIf("something depends on it, or it does not exist")
		case pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			relation, _ := p.state.MemberOf(o)
			p.fail(!d.GetMissingOk() && relation.Name != "" && p.state.Missing(relation), "relation %s does not exist",
				relation)
			p.failIf("something depends on it, or it does not exist")
		case pg.ObjectType_OBJECT_TRIGGER:
			relation, trigger := p.state.MemberOf(o)
			p.fail(!d.GetMissingOk() && relation.Name != "" && p.state.Missing(relation), "relation %s does not exist",
				relation)
			p.fail(!d.GetMissingOk() && p.state.ColumnsKnown(relation) &&
				p.state.Table(relation).Trigger(trigger) == nil, "trigger %q of %s does not exist", trigger, relation)
		case pg.ObjectType_OBJECT_FUNCTION:
			p.fail(!d.GetMissingOk() && p.state.FunctionMissing(o.GetObjectWithArgs().GetObjname()),
				"function %s does not exist", n)
			p.failIf("something depends on it, or it does not exist")
			if len(o.GetObjectWithArgs().GetObjargs()) > 0 {
				// a trigger's function takes none
				continue
			}
			for _, user := range p.state.TriggersOf(n.Name) {
				p.fail(!cascade, "%s", user)
			}
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			p.fail(!d.GetMissingOk() && p.state.NamesKnown() && !p.state.TypeNamed(n.Name), "type %s does not exist",
				n.Name)
			p.failIf("something depends on it, or it does not exist")
			users := p.state.TypedBy(n.Name)
			p.fail(!cascade && len(users) > 0, "columns of %s have that type", append(users, catalog.Ref{})[0])
		case pg.ObjectType_OBJECT_SCHEMA:
			p.checkDropSchema(o.GetString_().GetSval(), cascade)
		default:
			p.failIf("something depends on it, or it does not exist")
		}
	}
}

func (p *pass) checkDropRelation(n catalog.Ref, together []catalog.Ref, missingOK, cascade bool) {
	if p.state.Missing(n) {
		p.fail(!missingOK, "%s does not exist", n)
		return
	}
	if cascade {
		return
	}
	gone := func(other catalog.Ref) bool { return slices.Contains(together, other) }
	for _, view := range p.state.ViewsOn(n, "") {
		p.fail(!gone(view), "view %s reads %s", view, n)
	}
	for _, other := range p.state.ReferencedBy(n) {
		p.fail(!gone(other), "a foreign key of %s refers to %s", other, n)
	}
	if t := p.state.Table(n); t != nil && t.Kind == catalog.KindTable {
		for _, child := range p.state.Descendants(n) {
			p.fail(!gone(child), "%s inherits from %s", child, n)
		}
	}
}

func (p *pass) checkDropIndex(n catalog.Ref, missingOK bool) {
	t, ok := p.state.TableOfIndex(n)
	if !ok {
		p.fail(!missingOK && p.state.Catalog != nil && !p.state.Uncertain && !p.state.Present(n) &&
			!p.state.Hidden(n.Schema), "index %s does not exist", n)
		return
	}
	x := p.state.Table(t).Index(n.Name)
	p.fail(x != nil && x.Constraint, "index %s belongs to a constraint of %s", n, t)
}

func (p *pass) checkDropSchema(schema string, cascade bool) {
	if cascade {
		return
	}
	p.failIf("the schema is not empty, or does not exist")
	p.state.Each(func(n catalog.Ref, _ *catalog.Table) { p.fail(n.Schema == schema, "the schema is not empty") })
}

func (p *pass) checkRename(r *pg.RenameStmt) {
	if r.GetRelation() == nil {
		return
	}
	n := p.state.Named(r.GetRelation())
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_TRIGGER,
		pg.ObjectType_OBJECT_POLICY:
		p.fail(!r.GetMissingOk() && p.state.Missing(n), "relation %s does not exist", n)
	}
	if p.state.IsIndexOrSequence(n) || r.GetRenameType() == pg.ObjectType_OBJECT_ATTRIBUTE ||
		r.GetRelationType() == pg.ObjectType_OBJECT_TYPE || r.GetRenameType() == pg.ObjectType_OBJECT_INDEX ||
		r.GetRenameType() == pg.ObjectType_OBJECT_SEQUENCE {
		return
	}
	if !r.GetMissingOk() && p.absent(r.GetRelation()) {
		return
	}
	t := p.state.Table(n)
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_COLUMN:
		if p.state.ColumnsKnown(n) {
			p.fail(t.Column(r.GetSubname()) == nil, "column %q of %s does not exist", r.GetSubname(), n)
			p.fail(t.Column(r.GetNewname()) != nil, "column %q of %s already exists", r.GetNewname(), n)
		}
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		if p.state.ColumnsKnown(n) {
			p.fail(!t.Constrained(r.GetSubname()), "constraint %q of %s does not exist", r.GetSubname(), n)
		}
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		if !p.state.Missing(n) {
			p.taken(n.WithName(r.GetNewname()), false)
		}
	}
}
