package sqlreview

import (
	"slices"

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
		p.claimTruncate(n.GetTruncateStmt())
	case n.GetRenameStmt() != nil, n.GetAlterObjectSchemaStmt() != nil, n.GetAlterOwnerStmt() != nil:
		p.claimName(n)
	case n.GetUpdateStmt() != nil:
		p.claimRows(n.GetUpdateStmt().GetRelation())
	case n.GetDeleteStmt() != nil:
		p.claimRows(n.GetDeleteStmt().GetRelation())
	case n.GetInsertStmt() != nil:
		p.claimRows(n.GetInsertStmt().GetRelation())
	case n.GetMergeStmt() != nil:
		p.claimRows(n.GetMergeStmt().GetRelation())
	case n.GetCopyStmt().GetIsFrom():
		p.claimRows(n.GetCopyStmt().GetRelation())
	case n.GetCreateTrigStmt() != nil:
		p.existing(n.GetCreateTrigStmt().GetRelation(), shareRowExclusive)
	case n.GetSelectStmt() != nil:
		p.claimKnownBodies(n)
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

// claimRows locks what rows are written to.
func (p *pass) claimRows(r *pg.RangeVar) {
	if !p.existing(r, rowExclusive) {
		return
	}
	t := p.state.named(r)
	if known := p.state.table(t); known != nil && known.Kind == KindView {
		p.claims.MayLock = append(p.claims.MayLock, "*") // the tables behind it
	}
	if p.node.GetDeleteStmt() != nil || p.node.GetUpdateStmt() != nil || p.node.GetMergeStmt() != nil {
		for _, other := range p.state.referrers(t) { // ON DELETE CASCADE and the like
			p.claims.MayLock = append(p.claims.MayLock, other.String())
		}
	}
	heirs := p.state.heirs(t)
	if len(heirs) == 0 {
		return
	}
	if p.node.GetInsertStmt() != nil || p.node.GetCopyStmt() != nil {
		if known := p.state.table(t); known != nil && known.Kind != KindPartitioned {
			return
		}
		for _, h := range heirs { // only the partitions that get rows
			p.claims.MayLock = append(p.claims.MayLock, h.String())
		}
		return
	}
	if r.GetInh() {
		for _, h := range heirs {
			p.lock(h, rowExclusive)
		}
	}
}

func (p *pass) claimTruncate(t *pg.TruncateStmt) {
	var all []name
	for _, r := range t.GetRelations() {
		all = append(all, p.state.named(r.GetRangeVar()))
	}
	if t.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		for i := 0; i < len(all) && i < 1000; i++ {
			for _, other := range p.state.referrers(all[i]) {
				if !slices.Contains(all, other) {
					all = append(all, other)
				}
			}
		}
	}
	for _, n := range all {
		if !p.state.isFresh(n) {
			p.lockAll(n, accessExclusive)
			p.rewrite(n)
		}
	}
}

func (p *pass) claimUpkeep(n *pg.Node) {
	switch {
	case n.GetCreatePolicyStmt() != nil:
		p.existing(n.GetCreatePolicyStmt().GetTable(), accessExclusive)
	case n.GetAlterPolicyStmt() != nil:
		p.existing(n.GetAlterPolicyStmt().GetTable(), accessExclusive)
	case n.GetRuleStmt() != nil:
		p.existing(n.GetRuleStmt().GetRelation(), accessExclusive)
	case n.GetCreateFunctionStmt() != nil:
		p.claims.MayLock = append(p.claims.MayLock, "*") // an SQL body is looked at, which locks weakly what it writes to
	case n.GetCommentStmt() != nil:
		p.claimComment(n.GetCommentStmt())
	case n.GetCreateStatsStmt() != nil:
		for _, r := range n.GetCreateStatsStmt().GetRelations() {
			p.existing(r.GetRangeVar(), shareUpdateExclusive)
		}
	case n.GetCreatePublicationStmt() != nil:
		for _, o := range n.GetCreatePublicationStmt().GetPubobjects() {
			p.existing(o.GetPublicationObjSpec().GetPubtable().GetRelation(), shareUpdateExclusive)
		}
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
			mode := modes[min(max(int(n.GetLockStmt().GetMode()), 0), 8)]
			if p.existing(r.GetRangeVar(), mode) && r.GetRangeVar().GetInh() {
				p.lockAll(p.state.named(r.GetRangeVar()), mode)
			}
		}
	case n.GetViewStmt() != nil && n.GetViewStmt().GetReplace():
		if v := p.state.named(n.GetViewStmt().GetView()); !p.state.absent(v) {
			p.lock(v, accessExclusive)
		}
	}
}

func (p *pass) claimVacuum(v *pg.VacuumStmt) {
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
	if known := p.state.table(t); known == nil || len(known.Indexes) > 0 || !p.state.whole(t) {
		p.build(t)
	}
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
	if i.GetIfNotExists() && i.GetIdxname() != "" && p.state.present(name{t.schema, i.GetIdxname()}) {
		mode := share
		if i.GetConcurrent() {
			mode = shareUpdateExclusive
		}
		p.lock(t, mode) // it waits for its lock before it looks
		return
	}
	known := p.state.table(t)
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
	if parent {
		p.lockAll(t, share)
	}
	p.build(t)
	p.does("index-not-concurrent", t, at(i.GetRelation()), "building this index stops all writes to %s", t)
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
	if c.GetIfNotExists() && p.state.present(p.state.made(c.GetRelation())) {
		return
	}
	for _, parent := range c.GetInhRelations() {
		if c.GetPartbound() == nil {
			p.existing(parent.GetRangeVar(), shareUpdateExclusive)
		} else if p.existing(parent.GetRangeVar(), accessExclusive) {
			p.claimDefaultPartition(p.state.named(parent.GetRangeVar()))
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
	switch n.GetRenameStmt().GetRenameType() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE:
		return
	}
	if p.existing(relation, accessExclusive) && n.GetRenameStmt().GetRenameType() == pg.ObjectType_OBJECT_COLUMN && relation.GetInh() {
		p.lockAll(p.state.named(relation), accessExclusive)
	}
}
