package sqlreview

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

func (p *pass) failDrop(d *pg.DropStmt) {
	cascade := d.GetBehavior() == pg.DropBehavior_DROP_CASCADE
	p.fail(d.GetConcurrent() && len(d.GetObjects()) > 1, "DROP INDEX CONCURRENTLY takes one index")
	var all []name
	for _, o := range d.GetObjects() {
		all = append(all, p.state.listed(o))
	}
	for i, o := range d.GetObjects() {
		n := all[i]
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
			p.failDropRelation(n, all, d.GetMissingOk(), cascade)
		case pg.ObjectType_OBJECT_INDEX:
			p.failDropIndex(n, d.GetMissingOk())
		case pg.ObjectType_OBJECT_SEQUENCE:
			p.fail(!d.GetMissingOk() && p.state.missing(n), fmt.Sprintf("sequence %s does not exist", n))
			p.failIf("something depends on it, or it does not exist")
		case pg.ObjectType_OBJECT_EXTENSION:
			p.fail(!d.GetMissingOk() && p.state.closed() && !p.state.installed(o.GetString_().GetSval()), fmt.Sprintf("extension %s does not exist", o.GetString_().GetSval()))
			p.failIf("something depends on it, or it does not exist")
		case pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			relation, _ := p.state.memberOf(o)
			p.fail(!d.GetMissingOk() && relation.name != "" && p.state.missing(relation), fmt.Sprintf("relation %s does not exist", relation))
			p.failIf("something depends on it, or it does not exist")
		case pg.ObjectType_OBJECT_TRIGGER:
			relation, trigger := p.state.memberOf(o)
			p.fail(!d.GetMissingOk() && relation.name != "" && p.state.missing(relation), fmt.Sprintf("relation %s does not exist", relation))
			p.fail(!d.GetMissingOk() && p.state.whole(relation) && p.state.table(relation).trigger(trigger) == nil, fmt.Sprintf("trigger %q of %s does not exist", trigger, relation))
		case pg.ObjectType_OBJECT_FUNCTION:
			p.fail(!d.GetMissingOk() && p.state.functionMissing(o.GetObjectWithArgs().GetObjname()), fmt.Sprintf("function %s does not exist", n))
			p.failIf("something depends on it, or it does not exist")
			if len(o.GetObjectWithArgs().GetObjargs()) > 0 {
				continue // a trigger's function takes none
			}
			for _, user := range p.state.triggersOf(n.name) {
				p.fail(!cascade, user)
			}
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			p.fail(!d.GetMissingOk() && p.state.closed() && !p.state.typeNamed(n.name), fmt.Sprintf("type %s does not exist", n.name))
			p.failIf("something depends on it, or it does not exist")
			users := p.state.typedBy(n.name)
			p.fail(!cascade && len(users) > 0, fmt.Sprintf("columns of %s have that type", append(users, name{})[0]))
		case pg.ObjectType_OBJECT_SCHEMA:
			p.failDropSchema(o.GetString_().GetSval(), cascade)
		default:
			p.failIf("something depends on it, or it does not exist")
		}
	}
}

func (p *pass) failDropRelation(n name, together []name, missingOK, cascade bool) {
	if p.state.missing(n) {
		p.fail(!missingOK, fmt.Sprintf("%s does not exist", n))
		return
	}
	if cascade {
		return
	}
	gone := func(other name) bool { return slices.Contains(together, other) }
	for _, view := range p.state.readers(n, "") {
		p.fail(!gone(view), fmt.Sprintf("view %s reads %s", view, n))
	}
	for _, other := range p.state.referrers(n) {
		p.fail(!gone(other), fmt.Sprintf("a foreign key of %s refers to %s", other, n))
	}
	if t := p.state.table(n); t != nil && t.Kind == KindTable {
		for _, child := range p.state.heirs(n) {
			p.fail(!gone(child), fmt.Sprintf("%s inherits from %s", child, n))
		}
	}
}

func (p *pass) failDropIndex(n name, missingOK bool) {
	t, ok := p.state.tableOfIndex(n)
	if !ok {
		p.fail(!missingOK && p.state.catalog != nil && !p.state.murky && !p.state.present(n) && !p.state.hidden(n.schema), fmt.Sprintf("index %s does not exist", n))
		return
	}
	x := p.state.table(t).index(n.name)
	p.fail(x != nil && x.Constraint, fmt.Sprintf("index %s belongs to a constraint of %s", n, t))
}

func (p *pass) failDropSchema(schema string, cascade bool) {
	if cascade {
		return
	}
	p.failIf("the schema is not empty, or does not exist")
	p.state.all(func(n name, _ *Table) { p.fail(n.schema == schema, "the schema is not empty") })
}

// triggersOf says, in order, which triggers run a function.
func (s *state) triggersOf(function string) []string {
	var out []string
	s.all(func(t name, known *Table) {
		for _, g := range known.Triggers {
			if g.Function.Name == function && slices.Contains(s.path, g.Function.Schema) {
				out = append(out, fmt.Sprintf("trigger %s on %s runs it", g.Name, t))
			}
		}
	})
	return unique(out)
}

// typedBy lists the tables with a column of a type.
func (s *state) typedBy(typ string) []name {
	var out []name
	s.all(func(n name, t *Table) {
		if slices.ContainsFunc(t.Columns, func(c Column) bool { return parseType(c.Type).name == typ }) && t.Kind != KindView {
			out = append(out, n)
		}
	})
	return sortedNames(out)
}

func (p *pass) failRename(r *pg.RenameStmt) {
	if r.GetRelation() == nil {
		return
	}
	n := p.state.named(r.GetRelation())
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY:
		p.fail(!r.GetMissingOk() && p.state.missing(n), fmt.Sprintf("relation %s does not exist", n))
	}
	if p.state.base.names[n] != "" || r.GetRenameType() == pg.ObjectType_OBJECT_ATTRIBUTE || r.GetRelationType() == pg.ObjectType_OBJECT_TYPE || r.GetRenameType() == pg.ObjectType_OBJECT_INDEX || r.GetRenameType() == pg.ObjectType_OBJECT_SEQUENCE {
		return
	}
	if !r.GetMissingOk() && p.absent(r.GetRelation()) {
		return
	}
	t := p.state.table(n)
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_COLUMN:
		if p.state.whole(n) {
			p.fail(t.column(r.GetSubname()) == nil, fmt.Sprintf("column %q of %s does not exist", r.GetSubname(), n))
			p.fail(t.column(r.GetNewname()) != nil, fmt.Sprintf("column %q of %s already exists", r.GetNewname(), n))
		}
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		if p.state.whole(n) {
			p.fail(!t.constrained(r.GetSubname()), fmt.Sprintf("constraint %q of %s does not exist", r.GetSubname(), n))
		}
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		if !p.state.missing(n) {
			p.taken(name{n.schema, r.GetNewname()}, false)
		}
	}
}
