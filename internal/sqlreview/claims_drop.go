package sqlreview

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

func (p *pass) claimDrop(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		n := p.state.listed(o)
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_INDEX:
			mode := accessExclusive
			if d.GetConcurrent() {
				mode = shareUpdateExclusive
			}
			if t, ok := p.state.tableOfIndex(n); ok {
				p.lockAll(t, mode)
			}
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
			if !p.state.absent(n) {
				p.claimDropRelation(n, d.GetBehavior() == pg.DropBehavior_DROP_CASCADE)
			}
		case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			relation, member := p.state.memberOf(o)
			gone := d.GetRemoveType() == pg.ObjectType_OBJECT_TRIGGER && p.state.whole(relation) && p.state.table(relation).trigger(member) == nil
			if t := p.state.table(relation); d.GetRemoveType() == pg.ObjectType_OBJECT_POLICY && t != nil && t.Policies == 0 && !p.state.policies[relation] {
				gone = true
			}
			if relation.name != "" && !gone {
				p.lock(relation, accessExclusive)
			}
		case pg.ObjectType_OBJECT_SCHEMA:
			schema := o.GetString_().GetSval()
			p.state.all(func(n name, _ *Table) {
				if n.schema == schema {
					p.claimDropRelation(n, true)
				}
			})
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			for _, t := range p.state.typedBy(n.name) {
				p.lock(t, accessExclusive)
			}
		case pg.ObjectType_OBJECT_STATISTIC_EXT:
			p.claims.MayLock = append(p.claims.MayLock, "*") // the catalog does not say whose they are
		}
	}
}

// claimDropRelation locks a relation, the tables that its foreign keys join, its parent, and with CASCADE what goes with it.
func (p *pass) claimDropRelation(n name, cascade bool) {
	p.lock(n, accessExclusive)
	t := p.state.table(n)
	if t != nil {
		for _, k := range t.ForeignKeys {
			p.lock(name{k.Target.Schema, k.Target.Name}, accessExclusive)
		}
		for _, parent := range t.Parents {
			if t.Partition {
				p.lock(name{parent.Schema, parent.Name}, accessExclusive)
			}
		}
		if t.Kind == KindPartitioned || cascade {
			for _, heir := range p.state.heirs(n) {
				p.lock(heir, accessExclusive)
			}
		}
	}
	if !cascade {
		return
	}
	for _, other := range p.state.referrers(n) {
		p.lock(other, accessExclusive)
	}
	p.claimDropReaders(p.state.readers(n, ""))
}

func (p *pass) claimDropReaders(views []name) {
	seen := map[name]bool{}
	for len(views) > 0 && len(seen) < 10_000 {
		view := views[0]
		views = views[1:]
		if seen[view] {
			continue
		}
		seen[view] = true
		p.lock(view, accessExclusive)
		views = append(views, p.state.readers(view, "")...)
	}
}

// claimDropColumn locks what goes with a column.
func (p *pass) claimDropColumn(n name, c *pg.AlterTableCmd) {
	t := p.state.table(n)
	if t == nil {
		return
	}
	for _, k := range t.ForeignKeys {
		if slices.Contains(k.Columns, c.GetName()) {
			p.lock(name{k.Target.Schema, k.Target.Name}, accessExclusive)
		}
	}
	if c.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		p.claimDropReaders(p.state.readers(n, c.GetName()))
	}
}

// claimDropConstraint locks the other end of a foreign key, and with CASCADE the tables that refer to a key.
func (p *pass) claimDropConstraint(n name, c *pg.AlterTableCmd) {
	t := p.state.table(n)
	if k := t.foreignKey(c.GetName()); k != nil {
		p.lock(name{k.Target.Schema, k.Target.Name}, accessExclusive)
	}
	if x := t.index(c.GetName()); x != nil && c.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		for _, other := range p.state.referrers(n) {
			for _, k := range p.state.table(other).ForeignKeys {
				if k.Target == n.ref() && sameSet(k.References, x.Columns) {
					p.lock(other, accessExclusive)
				}
			}
		}
	}
}

// claimComment locks what a comment is about.
func (p *pass) claimComment(c *pg.CommentStmt) {
	switch c.GetObjtype() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		p.lockExisting(p.state.listed(c.GetObject()))
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
		relation, _ := p.state.memberOf(c.GetObject())
		if relation.name != "" {
			p.lockExisting(relation)
		}
	}
}

func (p *pass) lockExisting(n name) {
	if !p.state.isFresh(n) {
		p.lock(n, shareUpdateExclusive)
	}
}
