package claims

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/schema"
)

func (p *pass) drop(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		n := p.state.Listed(o)
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_INDEX:
			mode := report.AccessExclusive
			if d.GetConcurrent() {
				mode = report.ShareUpdateExclusive
			}
			if t, ok := p.state.TableOfIndex(n); ok {
				p.lockAll(t, mode)
			}
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
			if !p.state.Absent(n) {
				p.dropRelation(n, d.GetBehavior() == pg.DropBehavior_DROP_CASCADE)
			}
		case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			relation, member := p.state.MemberOf(o)
			gone := d.GetRemoveType() == pg.ObjectType_OBJECT_TRIGGER && p.state.ColumnsKnown(relation) &&
				p.state.Table(relation).Trigger(member) == nil
			if t := p.state.Table(relation); d.GetRemoveType() == pg.ObjectType_OBJECT_POLICY && t != nil &&
				t.Policies == 0 && !p.state.Policies[relation] {
				gone = true
			}
			if relation.Name != "" && !gone {
				p.lock(relation, report.AccessExclusive)
			}
		case pg.ObjectType_OBJECT_SCHEMA:
			schema := o.GetString_().GetSval()
			p.state.Each(func(n catalog.Ref, _ *catalog.Table) {
				if n.Schema == schema {
					p.dropRelation(n, true)
				}
			})
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			for _, t := range p.state.TypedBy(n.Name) {
				p.lock(t, report.AccessExclusive)
			}
		case pg.ObjectType_OBJECT_STATISTIC_EXT:
			// the catalog does not say whose they are
			p.mayLockAny()
		}
	}
}

// dropRelation locks a relation, the tables that its foreign keys join, its parent, and with CASCADE what goes with it.
func (p *pass) dropRelation(n catalog.Ref, cascade bool) {
	p.lock(n, report.AccessExclusive)
	t := p.state.Table(n)
	if t != nil {
		for _, k := range t.ForeignKeys {
			p.lock(k.Target, report.AccessExclusive)
		}
		for _, parent := range t.Parents {
			if t.Partition {
				p.lock(parent, report.AccessExclusive)
			}
		}
		if t.Kind == catalog.KindPartitioned || cascade {
			for _, heir := range p.state.Descendants(n) {
				p.lock(heir, report.AccessExclusive)
			}
		}
	}
	if !cascade {
		return
	}
	for _, other := range p.state.ReferencedBy(n) {
		p.lock(other, report.AccessExclusive)
	}
	p.dropReaders(p.state.ViewsOn(n, ""))
}

func (p *pass) dropReaders(views []catalog.Ref) {
	seen := map[catalog.Ref]bool{}
	for ; len(views) > 0 && len(seen) < 10_000; views = views[1:] {
		if view := views[0]; !seen[view] {
			seen[view] = true
			p.lock(view, report.AccessExclusive)
			views = append(views, p.state.ViewsOn(view, "")...)
		}
	}
}

// dropColumn locks what goes with a column.
func (p *pass) dropColumn(n catalog.Ref, c *pg.AlterTableCmd) {
	t := p.state.Table(n)
	if t == nil {
		return
	}
	for _, k := range t.ForeignKeys {
		if slices.Contains(k.Columns, c.GetName()) {
			p.lock(k.Target, report.AccessExclusive)
		}
	}
	if c.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		p.dropReaders(p.state.ViewsOn(n, c.GetName()))
	}
}

// dropConstraint locks the other end of a foreign key, and with CASCADE the tables that refer to a key.
func (p *pass) dropConstraint(n catalog.Ref, c *pg.AlterTableCmd) {
	t := p.state.Table(n)
	if k := t.ForeignKey(c.GetName()); k != nil {
		p.lock(k.Target, report.AccessExclusive)
	}
	if x := t.Index(c.GetName()); x != nil && c.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		for _, other := range p.state.ReferencedBy(n) {
			for _, k := range p.state.Table(other).ForeignKeys {
				if k.Target == n && schema.SameSet(k.References, x.Columns) {
					p.lock(other, report.AccessExclusive)
				}
			}
		}
	}
}

// comment locks what a comment is about.
func (p *pass) comment(c *pg.CommentStmt) {
	switch c.GetObjtype() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
		p.lock(p.state.Listed(c.GetObject()), report.ShareUpdateExclusive)
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TRIGGER,
		pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
		if relation, _ := p.state.MemberOf(c.GetObject()); relation.Name != "" {
			p.lock(relation, report.ShareUpdateExclusive)
		}
	}
}
