package rules

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/report"
)

// dropRules are about what a script takes away.
func dropRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "drop-table", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "The rows are gone, and the running image fails at its next query.",
			Do:  "remove the use first, release that, and drop in a later release, after proof that nothing reads it",
			Server: "ACCESS EXCLUSIVE on the table, on the tables that its foreign keys join, and on the parent of a " +
				"partition; no work.",
			Unless: "With IF EXISTS, when the catalog says that there is no such table."}, dropTable},
		{report.Rule{ID: "drop-column", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "The values are gone, and the running image still names the column.",
			Do:  "stop using the column, release that, and drop it in a later release",
			Server: "ACCESS EXCLUSIVE, no work; indexes and constraints on the column vanish, with CASCADE also " +
				"views.",
			Unless: "With IF EXISTS, when the catalog says that there is no such column."}, dropColumn},
		{report.Rule{ID: "drop-schema", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "Everything in it is gone.", Do: "drop in a later release, object by object"}, dropSchema},
		{report.Rule{ID: "drop-database", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "Everything in it is gone, and no migration needs it.",
			Do:  "do it by hand, with a backup that was restored once"}, dropDatabase},
		{report.Rule{ID: "drop-view", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image may read the view.",
			Do:  "remove the use first, release that, and drop in a later release, after proof that nothing reads it"},
			dropView},
		{report.Rule{ID: "drop-object", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image may use it, and CASCADE removes what depends on it without a word.",
			Do:  "remove the use first, release that, and drop in a later release, after proof that nothing reads it"},
			dropObject},
		{report.Rule{ID: "truncate", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "All rows are gone.", Do: "delete what must go in batches, outside the deployment, after a backup",
			Server: "ACCESS EXCLUSIVE on the table and its partitions, with CASCADE on all that refer to it; new " +
				"empty files."}, truncate},
	}
}

func dropTable(p *Pass) {
	d := p.Node.GetDropStmt()
	if d.GetRemoveType() != pg.ObjectType_OBJECT_TABLE && d.GetRemoveType() != pg.ObjectType_OBJECT_FOREIGN_TABLE {
		return
	}
	for _, o := range d.GetObjects() {
		n := p.State.Listed(o)
		if p.State.IsNew(n) || d.GetMissingOk() && p.State.Absent(n) {
			continue
		}
		p.Breaks(report.Incompatible)
		p.Report(0, "this drops table %s and all its rows", n)
	}
}

func dropColumn(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		if c.GetSubtype() != pg.AlterTableType_AT_DropColumn || p.State.ColumnIsNew(t, c.GetName()) {
			continue
		}
		if known := p.State.Table(t); c.GetMissingOk() && known != nil && known.Column(c.GetName()) == nil {
			continue
		}
		p.Breaks(report.Incompatible)
		p.Report(0, "this drops column %s.%s and its values", t, c.GetName())
	}
}

func dropSchema(p *Pass) {
	d := p.Node.GetDropStmt()
	if d.GetRemoveType() == pg.ObjectType_OBJECT_SCHEMA {
		p.Breaks(report.Incompatible)
		p.Report(0, "this drops a schema with everything in it")
	}
}

func dropDatabase(p *Pass) {
	switch {
	case p.Node.GetDropdbStmt() != nil:
		p.Breaks(report.Incompatible)
		p.Report(0, "this drops database %s", p.Node.GetDropdbStmt().GetDbname())
	case p.Node.GetDropTableSpaceStmt() != nil:
		p.Breaks(report.Incompatible)
		p.Report(0, "this drops tablespace %s", p.Node.GetDropTableSpaceStmt().GetTablespacename())
	case p.Node.GetDropOwnedStmt() != nil:
		p.Breaks(report.Incompatible)
		p.Report(0, "DROP OWNED drops everything that a role owns")
	}
}

func dropView(p *Pass) {
	d := p.Node.GetDropStmt()
	if d.GetRemoveType() != pg.ObjectType_OBJECT_VIEW && d.GetRemoveType() != pg.ObjectType_OBJECT_MATVIEW {
		return
	}
	for _, o := range d.GetObjects() {
		n := p.State.Listed(o)
		if p.State.IsNew(n) || d.GetMissingOk() && p.State.Absent(n) {
			continue
		}
		if p.State.Later[n.Name] && d.GetBehavior() != pg.DropBehavior_DROP_CASCADE {
			p.Breaks(report.Conditional)
			p.ReportAs(report.SeverityWarn, "text", 0, "view %s is dropped and made again; the running image must "+
				"live with the new one", n)
			continue
		}
		p.Breaks(report.Incompatible)
		p.Report(0, "this drops view %s", n)
	}
}

func dropObject(p *Pass) {
	d := p.Node.GetDropStmt()
	if d == nil {
		return
	}
	switch d.GetRemoveType() {
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE,
		pg.ObjectType_OBJECT_AGGREGATE, pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN,
		pg.ObjectType_OBJECT_EXTENSION, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_CAST,
		pg.ObjectType_OBJECT_OPERATOR, pg.ObjectType_OBJECT_COLLATION:
		p.dropObjects(d)
	case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
		p.Breaks(report.Conditional)
		p.ReportAs(report.SeverityWarn, "text", 0, "%s changes what the running image's statements do", p.Kind)
	}
}

func truncate(p *Pass) {
	for _, r := range p.Node.GetTruncateStmt().GetRelations() {
		if n := p.State.Named(r.GetRangeVar()); !p.State.IsNew(n) {
			p.Breaks(report.Incompatible)
			p.Report(r.GetRangeVar().GetLocation(), "this deletes all rows of %s", n)
		}
	}
}

func (p *Pass) dropObjects(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		n := p.State.Listed(o)
		cascade := d.GetBehavior() == pg.DropBehavior_DROP_CASCADE
		if p.State.Types[n.Name] && !cascade {
			continue
		}
		if (p.State.Later[n.Name] || len(p.State.Functions[n.Name]) > 0) && !cascade {
			p.Breaks(report.Conditional)
			p.ReportAs(report.SeverityWarn, "text", 0, "%s %s: the script makes it again; the running image must "+
				"live with the new one", p.Kind, n)
			continue
		}
		p.Breaks(report.Incompatible)
		p.Report(0, "%s %s", p.Kind, n)
	}
}
