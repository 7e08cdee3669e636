package rules

import (
	"cmp"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/report"
)

// behaviourRules are about what the running image meets while it works on.
func behaviourRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "detach-partition", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The rows vanish from the parent, and a plain DETACH locks parent and child for everybody.",
			Do:  "detach in a later release, with CONCURRENTLY",
			Server: "ACCESS EXCLUSIVE on parent and partition (partition on 13: SHARE UPDATE EXCLUSIVE); " +
				"CONCURRENTLY: SHARE UPDATE EXCLUSIVE on the parent."}, detachPartition},
		{report.Rule{ID: "partition-of", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why:    "CREATE TABLE … PARTITION OF takes ACCESS EXCLUSIVE on the parent for a moment.",
			Do:     "CREATE TABLE … (LIKE parent), then ATTACH PARTITION, which lets readers and writers go on",
			Server: "ACCESS EXCLUSIVE on the parent; a default partition is read."}, partitionOf},
		{report.Rule{ID: "drop-index", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			OutsideTransaction: true,
			Why: "DROP INDEX takes ACCESS EXCLUSIVE on the table for a moment; queries that used the index become " +
				"slow.",
			Do:     "DROP INDEX CONCURRENTLY, outside BEGIN … COMMIT",
			Server: "ACCESS EXCLUSIVE on the table for a moment.",
			Unless: "With CONCURRENTLY (SHARE UPDATE EXCLUSIVE)."}, dropIndex},
		{report.Rule{ID: "drop-not-null", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why:    "Once the new image writes a null, the old image may fail: there is no way back.",
			Do:     "make sure that the running image can read a null",
			Server: "ACCESS EXCLUSIVE for a moment."}, dropNotNull},
		{report.Rule{ID: "drop-default", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image leaves the column out of its INSERTs, and they fail when it is NOT NULL.",
			Do:  "keep the default for one more release", Server: "ACCESS EXCLUSIVE for a moment.",
			Unless: "When the column may be null: it warns."}, dropDefault},
		{report.Rule{ID: "create-trigger", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "A trigger or rule changes what the running image's writes do, and creating it stops writes for a " +
				"moment.",
			Do:     "make sure that the running image can live with it",
			Server: "SHARE ROW EXCLUSIVE for a moment; CREATE RULE: ACCESS EXCLUSIVE."}, createTrigger},
	}
}

func detachPartition(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		if c.GetSubtype() == pg.AlterTableType_AT_DetachPartition {
			p.Breaks(report.Incompatible)
			p.Report(c.GetDef().GetPartitionCmd().GetName().GetLocation(), "the rows of %s vanish from %s",
				c.GetDef().GetPartitionCmd().GetName().GetRelname(), t)
		}
	}
}

func partitionOf(p *Pass) {
	c := p.Node.GetCreateStmt()
	if c.GetPartbound() == nil {
		return
	}
	for _, parent := range c.GetInhRelations() {
		if n := p.State.Named(parent.GetRangeVar()); !p.State.IsNew(n) {
			p.Report(c.GetRelation().GetLocation(), "all queries on %s wait for a moment", n)
		}
	}
}

func dropIndex(p *Pass) {
	d := p.Node.GetDropStmt()
	if d.GetRemoveType() != pg.ObjectType_OBJECT_INDEX || d.GetConcurrent() {
		return
	}
	for _, o := range d.GetObjects() {
		n := p.State.Listed(o)
		if made, ok := p.State.IndexTable[n]; ok && p.State.IsNew(made) {
			continue
		}
		p.Report(0, "all queries on the table of %s wait for a moment", n)
	}
}

func dropNotNull(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		if c.GetSubtype() == pg.AlterTableType_AT_DropNotNull {
			p.Breaks(report.Conditional)
			p.Report(0, "%s.%s may be null from now on", t, c.GetName())
		}
	}
}

func dropDefault(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		if c.GetSubtype() != pg.AlterTableType_AT_ColumnDefault || c.GetDef() != nil ||
			p.State.ColumnIsNew(t, c.GetName()) {
			continue
		}
		if known := p.State.Table(t).Column(c.GetName()); known != nil && (!known.NotNull || !known.HasDefault) {
			p.Breaks(report.Conditional)
			p.ReportAs(report.SeverityWarn, "catalog", 0, "INSERTs that leave out %s.%s write null from now on", t,
				c.GetName())
			continue
		}
		p.Breaks(report.Incompatible)
		p.Report(0, "INSERTs that leave out %s.%s fail if the column is NOT NULL", t, c.GetName())
	}
}

func createTrigger(p *Pass) {
	relation := cmp.Or(p.Node.GetCreateTrigStmt().GetRelation(), p.Node.GetRuleStmt().GetRelation())
	if relation == nil || p.State.IsNew(p.State.Named(relation)) {
		return
	}
	p.Breaks(report.Conditional)
	p.Report(relation.GetLocation(), "writes to %s behave differently from now on", p.State.Named(relation))
}
