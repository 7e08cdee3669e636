package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

const (
	accessExclusive      = "ACCESS EXCLUSIVE"
	exclusive            = "EXCLUSIVE"
	shareRowExclusive    = "SHARE ROW EXCLUSIVE"
	share                = "SHARE"
	shareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
	rowExclusive         = "ROW EXCLUSIVE"
)

// claim says what the statement will do. Relations that the script made are of
// no concern to anybody else and are left out.
func (p *pass) claim() {
	n := p.node
	switch {
	case n.GetAlterTableStmt() != nil:
		p.claimAlter(n.GetAlterTableStmt())
	case n.GetIndexStmt() != nil:
		p.claimIndex(n.GetIndexStmt())
	case n.GetDropStmt() != nil:
		p.claimDrop(n.GetDropStmt())
	case n.GetCreateStmt() != nil:
		p.claimCreate(n.GetCreateStmt())
	case n.GetTruncateStmt() != nil:
		for _, r := range n.GetTruncateStmt().GetRelations() {
			if p.existing(r.GetRangeVar(), accessExclusive) {
				p.rewrite(p.state.named(r.GetRangeVar()))
			}
		}
	case n.GetRenameStmt() != nil, n.GetAlterObjectSchemaStmt() != nil, n.GetAlterOwnerStmt() != nil:
		p.claimName(n)
	case n.GetUpdateStmt() != nil:
		p.existing(n.GetUpdateStmt().GetRelation(), rowExclusive)
	case n.GetDeleteStmt() != nil:
		p.existing(n.GetDeleteStmt().GetRelation(), rowExclusive)
	case n.GetInsertStmt() != nil:
		p.existing(n.GetInsertStmt().GetRelation(), rowExclusive)
	case n.GetMergeStmt() != nil:
		p.existing(n.GetMergeStmt().GetRelation(), rowExclusive)
	case n.GetCopyStmt().GetIsFrom():
		p.existing(n.GetCopyStmt().GetRelation(), rowExclusive)
	case n.GetCreateTrigStmt() != nil:
		p.existing(n.GetCreateTrigStmt().GetRelation(), shareRowExclusive)
	default:
		p.claimUpkeep(n)
	}
}

// existing locks a relation if the script did not make it, and says so.
func (p *pass) existing(r *pg.RangeVar, mode string) bool {
	n := p.state.named(r)
	if r == nil || p.state.isFresh(n) {
		return false
	}
	p.lock(n, mode)
	return true
}

func (p *pass) claimUpkeep(n *pg.Node) {
	switch {
	case n.GetRefreshMatViewStmt() != nil:
		r := n.GetRefreshMatViewStmt()
		if r.GetConcurrent() {
			p.existing(r.GetRelation(), exclusive)
		} else if p.existing(r.GetRelation(), accessExclusive) {
			v := p.state.named(r.GetRelation())
			p.rewrite(v)
			p.does("matview-refresh", v, at(r.GetRelation()), "nobody can read %s while its query runs", v)
		}
	case n.GetVacuumStmt() != nil:
		p.claimVacuum(n.GetVacuumStmt())
	case n.GetClusterStmt() != nil:
		c := n.GetClusterStmt()
		v := p.state.named(c.GetRelation())
		if c.GetRelation() == nil || p.existing(c.GetRelation(), accessExclusive) {
			p.does("table-rewrite", v, at(c.GetRelation()), "CLUSTER rewrites the table while nobody can read it")
			p.rewrite(v)
		}
	case n.GetReindexStmt() != nil:
		p.claimReindex(n.GetReindexStmt())
	case n.GetLockStmt() != nil:
		modes := []string{"", "ACCESS SHARE", "ROW SHARE", rowExclusive, shareUpdateExclusive, share, shareRowExclusive, exclusive, accessExclusive}
		for _, r := range n.GetLockStmt().GetRelations() {
			p.existing(r.GetRangeVar(), modes[min(max(int(n.GetLockStmt().GetMode()), 0), 8)])
		}
	case n.GetViewStmt() != nil && n.GetViewStmt().GetReplace():
		if v := p.state.named(n.GetViewStmt().GetView()); !p.state.absent(v) {
			p.lock(v, accessExclusive)
		}
	}
}

func (p *pass) claimVacuum(v *pg.VacuumStmt) {
	if !v.GetIsVacuumcmd() {
		return
	}
	full := false
	for _, o := range v.GetOptions() {
		full = full || o.GetDefElem().GetDefname() == "full"
	}
	rels := v.GetRels()
	if len(rels) == 0 && full {
		p.does("vacuum-full", name{"", "every table"}, 0, "VACUUM FULL rewrites every table while nobody can read it")
	}
	for _, r := range rels {
		rv := r.GetVacuumRelation().GetRelation()
		mode := shareUpdateExclusive
		if full {
			mode = accessExclusive
		}
		if p.existing(rv, mode) && full {
			t := p.state.named(rv)
			p.rewrite(t)
			p.build(t)
			p.does("vacuum-full", t, at(rv), "VACUUM FULL rewrites %s while nobody can read it", t)
		}
	}
}

func (p *pass) claimReindex(r *pg.ReindexStmt) {
	t := p.state.named(r.GetRelation())
	if r.GetKind() == pg.ReindexObjectType_REINDEX_OBJECT_INDEX {
		if made, ok := p.state.indexTable[t]; ok && p.state.isFresh(made) {
			return
		}
		if table, ok := p.state.tableOfIndex(t); ok {
			t = table
		}
	}
	if p.state.isFresh(t) {
		return
	}
	p.build(t)
	if concurrent(r) {
		p.lock(t, shareUpdateExclusive)
		return
	}
	p.lock(t, share)
	p.does("reindex", t, at(r.GetRelation()), "REINDEX of %s stops writes, and reads through the index, until it is built", t)
}

func (p *pass) claimIndex(i *pg.IndexStmt) {
	t := p.state.named(i.GetRelation())
	if p.state.isFresh(t) {
		return
	}
	known := p.state.catalog.table(t)
	parent := known != nil && known.Kind == KindPartitioned
	if i.GetConcurrent() {
		p.lock(t, shareUpdateExclusive)
		if parent && i.GetRelation().GetInh() {
			p.claims.Fails = "cannot create index on partitioned table concurrently"
			p.does("concurrently-in-tx", t, at(i.GetRelation()), "%s is partitioned: its index cannot be built concurrently; create it ON ONLY, then per partition", t)
			return
		}
		p.build(t)
		return
	}
	p.lock(t, share)
	if !i.GetRelation().GetInh() {
		return // ON ONLY a partitioned parent: nothing is built
	}
	p.build(t)
	p.does("index-not-concurrent", t, at(i.GetRelation()), "building this index stops all writes to %s", t)
}

func (p *pass) claimDrop(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		n := p.state.listed(o)
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_INDEX:
			if t, ok := p.state.tableOfIndex(n); ok && !d.GetConcurrent() {
				p.lock(t, accessExclusive)
			}
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW:
			if !p.state.absent(n) {
				p.lock(n, accessExclusive)
			}
		}
	}
}

func (s *state) tableOfIndex(index name) (name, bool) {
	if t, ok := s.indexTable[index]; ok {
		return t, true
	}
	if s.catalog == nil {
		return name{}, false
	}
	for _, t := range s.catalog.Tables {
		for _, i := range t.Indexes {
			if i.Name == index.name && t.Schema == index.schema {
				return name{t.Schema, t.Name}, true
			}
		}
	}
	return name{}, false
}

func (p *pass) claimCreate(c *pg.CreateStmt) {
	if c.GetPartbound() != nil {
		for _, parent := range c.GetInhRelations() {
			p.existing(parent.GetRangeVar(), accessExclusive)
		}
	}
	constraints := c.GetConstraints()
	for _, e := range c.GetTableElts() {
		constraints = append(constraints, e)
		constraints = append(constraints, e.GetColumnDef().GetConstraints()...)
	}
	for _, e := range constraints {
		if k := e.GetConstraint(); k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
			if target := p.state.named(k.GetPktable()); target != p.state.named(c.GetRelation()) {
				p.lock(target, shareRowExclusive)
			}
		}
	}
}

func (p *pass) claimName(n *pg.Node) {
	relation := n.GetRenameStmt().GetRelation()
	if relation == nil {
		relation = n.GetAlterObjectSchemaStmt().GetRelation()
	}
	if relation == nil {
		relation = n.GetAlterOwnerStmt().GetRelation()
	}
	if n.GetRenameStmt().GetRenameType() == pg.ObjectType_OBJECT_INDEX {
		return
	}
	p.existing(relation, accessExclusive)
}
