package claims

import (
	"cmp"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

func (p *pass) look() {
	n := p.Node
	switch {
	case n.GetAlterTableStmt() != nil:
		p.alter(n.GetAlterTableStmt())
	case n.GetIndexStmt() != nil:
		p.index(n.GetIndexStmt())
	case n.GetDropStmt() != nil:
		p.drop(n.GetDropStmt())
	case n.GetCreateStmt() != nil:
		p.create(n.GetCreateStmt())
	case n.GetTruncateStmt() != nil:
		p.truncate(n.GetTruncateStmt())
	case n.GetRenameStmt() != nil, n.GetAlterObjectSchemaStmt() != nil, n.GetAlterOwnerStmt() != nil:
		p.name(n)
	case n.GetUpdateStmt() != nil, n.GetDeleteStmt() != nil, n.GetInsertStmt() != nil, n.GetMergeStmt() != nil,
		n.GetCopyStmt().GetIsFrom():
		p.rows(syntax.Written(n))
	case n.GetCreateTrigStmt() != nil:
		p.lockExisting(n.GetCreateTrigStmt().GetRelation(), report.ShareRowExclusive)
	case n.GetSelectStmt() != nil:
		if p.state.Unfollowed(n) {
			// what it calls may do anything
			p.mayLockAny()
		}
		for _, t := range p.state.KnownCalls(n) {
			p.lock(t, report.ShareRowExclusive)
		}
	default:
		p.upkeep(n)
	}
}

// lockExisting locks a relation if the script did not make it, and says so.
func (p *pass) lockExisting(r *pg.RangeVar, mode string) bool {
	n := p.state.Named(r)
	if r == nil || p.state.IsNew(n) {
		return false
	}
	p.lock(n, mode)
	return true
}

// rows locks what rows are written to.
func (p *pass) rows(r *pg.RangeVar) {
	if !p.lockExisting(r, report.RowExclusive) {
		return
	}
	t := p.state.Named(r)
	if known := p.state.Table(t); known != nil && known.Kind == catalog.KindView {
		// the tables behind it
		p.mayLockAny()
	}
	if p.Node.GetDeleteStmt() != nil || p.Node.GetUpdateStmt() != nil || p.Node.GetMergeStmt() != nil {
		// ON DELETE CASCADE and the like
		for _, other := range p.state.ReferencedBy(t) {
			p.mayLock(other)
		}
	}
	heirs := p.state.Descendants(t)
	if len(heirs) == 0 {
		return
	}
	if p.Node.GetInsertStmt() != nil || p.Node.GetCopyStmt() != nil {
		if known := p.state.Table(t); known != nil && known.Kind != catalog.KindPartitioned {
			return
		}
		// only the partitions that get rows
		for _, h := range heirs {
			p.mayLock(h)
		}
		return
	}
	if r.GetInh() {
		for _, h := range heirs {
			p.lock(h, report.RowExclusive)
		}
	}
}

func (p *pass) truncate(t *pg.TruncateStmt) {
	var all []catalog.Ref
	for _, r := range t.GetRelations() {
		all = append(all, p.state.Named(r.GetRangeVar()))
	}
	if t.GetBehavior() == pg.DropBehavior_DROP_CASCADE {
		for i := 0; i < len(all) && i < 1000; i++ {
			for _, other := range p.state.ReferencedBy(all[i]) {
				if !slices.Contains(all, other) {
					all = append(all, other)
				}
			}
		}
	}
	for _, n := range all {
		if !p.state.IsNew(n) {
			p.lockAll(n, report.AccessExclusive)
			p.rewrite(n)
		}
	}
}

func (p *pass) upkeep(n *pg.Node) {
	switch {
	case n.GetCreatePolicyStmt() != nil:
		p.lockExisting(n.GetCreatePolicyStmt().GetTable(), report.AccessExclusive)
	case n.GetAlterPolicyStmt() != nil:
		p.lockExisting(n.GetAlterPolicyStmt().GetTable(), report.AccessExclusive)
	case n.GetRuleStmt() != nil:
		p.lockExisting(n.GetRuleStmt().GetRelation(), report.AccessExclusive)
	case n.GetCreateFunctionStmt() != nil:
		// an SQL body is looked at, which locks weakly what it writes to
		p.mayLockAny()
	case n.GetCommentStmt() != nil:
		p.comment(n.GetCommentStmt())
	case n.GetCreateStatsStmt() != nil:
		for _, r := range n.GetCreateStatsStmt().GetRelations() {
			p.lockExisting(r.GetRangeVar(), report.ShareUpdateExclusive)
		}
	case n.GetCreatePublicationStmt() != nil:
		for _, o := range n.GetCreatePublicationStmt().GetPubobjects() {
			p.lockExisting(o.GetPublicationObjSpec().GetPubtable().GetRelation(), report.ShareUpdateExclusive)
		}
	case n.GetRefreshMatViewStmt() != nil:
		r := n.GetRefreshMatViewStmt()
		if r.GetConcurrent() {
			p.lockExisting(r.GetRelation(), report.Exclusive)
		} else if p.lockExisting(r.GetRelation(), report.AccessExclusive) {
			v := p.state.Named(r.GetRelation())
			p.rewrite(v)
			p.does("matview-refresh", v, r.GetRelation().GetLocation(), "nobody can read %s while its query runs", v)
		}
	case n.GetVacuumStmt() != nil:
		p.vacuum(n.GetVacuumStmt())
	case n.GetClusterStmt() != nil:
		c := n.GetClusterStmt()
		v := p.state.Named(c.GetRelation())
		if c.GetRelation() == nil || p.lockExisting(c.GetRelation(), report.AccessExclusive) {
			p.does("table-rewrite", v, c.GetRelation().GetLocation(),
				"CLUSTER rewrites the table while nobody can read it")
			p.rewrite(v)
		}
	case n.GetReindexStmt() != nil:
		p.reindex(n.GetReindexStmt())
	case n.GetLockStmt() != nil:
		modes := append([]string{""}, report.LockModes()...)
		for _, r := range n.GetLockStmt().GetRelations() {
			mode := modes[min(max(int(n.GetLockStmt().GetMode()), 0), 8)]
			if p.lockExisting(r.GetRangeVar(), mode) && r.GetRangeVar().GetInh() {
				p.lockAll(p.state.Named(r.GetRangeVar()), mode)
			}
		}
	case n.GetViewStmt() != nil && n.GetViewStmt().GetReplace():
		if v := p.state.Named(n.GetViewStmt().GetView()); !p.state.Absent(v) {
			p.lock(v, report.AccessExclusive)
		}
	}
}

func (p *pass) vacuum(v *pg.VacuumStmt) {
	full := slices.ContainsFunc(v.GetOptions(), func(o *pg.Node) bool { return o.GetDefElem().GetDefname() == "full" })
	mode := report.ShareUpdateExclusive
	if full {
		mode = report.AccessExclusive
	}
	if len(v.GetRels()) == 0 && full {
		p.does("vacuum-full", catalog.Ref{Schema: "", Name: "every table"}, 0,
			"VACUUM FULL rewrites every table while nobody can read it")
	}
	for _, r := range v.GetRels() {
		rv := r.GetVacuumRelation().GetRelation()
		if p.lockExisting(rv, mode) && full {
			t := p.state.Named(rv)
			p.rewrite(t)
			p.build(t)
			p.does("vacuum-full", t, rv.GetLocation(), "VACUUM FULL rewrites %s while nobody can read it", t)
		}
	}
}

func (p *pass) reindex(r *pg.ReindexStmt) {
	t := p.state.Named(r.GetRelation())
	if r.GetKind() == pg.ReindexObjectType_REINDEX_OBJECT_INDEX {
		if made, ok := p.state.IndexTable[t]; ok && p.state.IsNew(made) {
			return
		}
		if table, ok := p.state.TableOfIndex(t); ok {
			t = table
		}
	}
	if p.state.IsNew(t) {
		return
	}
	if known := p.state.Table(t); known == nil || len(known.Indexes) > 0 || !p.state.ColumnsKnown(t) {
		p.build(t)
	}
	if sqltext.ReindexConcurrently(r) {
		p.lock(t, report.ShareUpdateExclusive)
		return
	}
	p.lock(t, report.Share)
	p.does("reindex", t, r.GetRelation().GetLocation(), "REINDEX of %s stops writes, and reads through the index, "+
		"until it is built", t)
}

func (p *pass) index(i *pg.IndexStmt) {
	t := p.state.Named(i.GetRelation())
	if p.state.IsNew(t) {
		return
	}
	mode := report.Share
	if i.GetConcurrent() {
		mode = report.ShareUpdateExclusive
	}
	// it waits for its lock before it looks
	p.lock(t, mode)
	if i.GetIfNotExists() && i.GetIdxname() != "" && p.state.Present(t.WithName(i.GetIdxname())) {
		return
	}
	known := p.state.Table(t)
	parent := known != nil && known.Kind == catalog.KindPartitioned
	if i.GetConcurrent() {
		if parent && i.GetRelation().GetInh() {
			p.claims.Fails = "cannot create index on partitioned table concurrently"
			p.does("concurrently-in-tx", t, i.GetRelation().GetLocation(),
				"%s is partitioned: its index cannot be built concurrently; create it ON ONLY, then per partition", t)
			return
		}
		p.build(t)
		return
	}
	if !i.GetRelation().GetInh() {
		// ON ONLY a partitioned parent: nothing is built
		return
	}
	if parent {
		p.lockAll(t, report.Share)
	}
	p.build(t)
	p.does("index-not-concurrent", t, i.GetRelation().GetLocation(), "building this index stops all writes to %s", t)
}

func (p *pass) create(c *pg.CreateStmt) {
	if c.GetIfNotExists() && p.state.Present(p.state.NameOfNew(c.GetRelation())) {
		return
	}
	for _, parent := range c.GetInhRelations() {
		if c.GetPartbound() == nil {
			p.lockExisting(parent.GetRangeVar(), report.ShareUpdateExclusive)
		} else if p.lockExisting(parent.GetRangeVar(), report.AccessExclusive) {
			p.defaultPartition(p.state.Named(parent.GetRangeVar()))
		}
	}
	constraints := c.GetConstraints()
	for _, e := range c.GetTableElts() {
		constraints = append(constraints, e)
		constraints = append(constraints, e.GetColumnDef().GetConstraints()...)
	}
	for _, e := range constraints {
		if k := e.GetConstraint(); k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
			if target := p.state.Named(k.GetPktable()); target != p.state.Named(c.GetRelation()) {
				p.lock(target, report.ShareRowExclusive)
			}
		}
	}
}

func (p *pass) name(n *pg.Node) {
	relation := cmp.Or(n.GetRenameStmt().GetRelation(), n.GetAlterObjectSchemaStmt().GetRelation(),
		n.GetAlterOwnerStmt().GetRelation())
	switch n.GetRenameStmt().GetRenameType() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE:
		return
	}
	if p.lockExisting(relation, report.AccessExclusive) &&
		n.GetRenameStmt().GetRenameType() == pg.ObjectType_OBJECT_COLUMN && relation.GetInh() {
		p.lockAll(p.state.Named(relation), report.AccessExclusive)
	}
}
