package rules

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
)

// rowRules are about statements that change every row.
func rowRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "delete-no-where", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "All rows are gone, in one long transaction.", Do: "say which rows, and delete in batches",
			Server: "ROW EXCLUSIVE, and a lock on every row until the commit."}, deleteNoWhere},
		{report.Rule{ID: "overwrite-no-where", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why: "The old values of all rows are gone, and every row is locked until the end of the transaction.",
			Do: "say which rows, keep the old values in another column, and write in batches, outside the " +
				"deployment",
			Server: "ROW EXCLUSIVE, and a lock on every row until the commit; each row is written anew.",
			Unless: "On a table that the script made. With a column that the script added, backfill-no-where speaks " +
				"about it."}, overwriteNoWhere},
		{report.Rule{ID: "backfill-no-where", Family: report.FamilyLock, Severity: report.SeverityBlock,
			TrialSeesNothing: true, Why: "Every row is locked until the end of the transaction, and the table doubles.",
			Do:     "fill in batches, outside the deployment",
			Server: "ROW EXCLUSIVE, and a lock on every row until the commit; each row is written anew.",
			Unless: "When the column was there before the script: overwrite-no-where speaks about it."},
			backfillNoWhere},
	}
}

func deleteNoWhere(p *Pass) {
	d := p.Node.GetDeleteStmt()
	if d == nil || p.State.IsNew(p.State.Named(d.GetRelation())) {
		return
	}
	p.Breaks(report.Conditional)
	if syntax.AlwaysTrue(d.GetWhereClause()) && len(d.GetUsingClause()) == 0 {
		p.Breaks(report.Incompatible)
		p.Report(d.GetRelation().GetLocation(), "this deletes all rows of %s", p.State.Named(d.GetRelation()))
	}
}

func overwriteNoWhere(p *Pass) {
	u, n := p.updates()
	if u == nil || !everyRow(u) {
		return
	}
	if columns := p.overwritten(u, n); len(columns) > 0 {
		p.Report(u.GetRelation().GetLocation(), "this overwrites %s in every row of %s", strings.Join(columns, ", "), n)
	}
}

func backfillNoWhere(p *Pass) {
	u, n := p.updates()
	if u == nil {
		return
	}
	p.Breaks(report.Conditional)
	if !everyRow(u) || len(p.overwritten(u, n)) > 0 {
		return
	}
	severity := p.rule.Severity
	if p.Small(n) {
		severity = report.SeverityInfo
	}
	p.ReportAs(severity, "text", u.GetRelation().GetLocation(), "this updates every row of %s", n)
}

// overwritten lists the columns of an UPDATE that the script did not add: they may hold values.
func (p *Pass) overwritten(u *pg.UpdateStmt, n catalog.Ref) []string {
	var out []string
	for _, t := range u.GetTargetList() {
		if column := t.GetResTarget().GetName(); !p.State.ColumnIsNew(n, column) && !slices.Contains(out, column) {
			out = append(out, column)
		}
	}
	return out
}

// updates gives an UPDATE of a relation that exists before the script.
func (p *Pass) updates() (*pg.UpdateStmt, catalog.Ref) {
	u := p.Node.GetUpdateStmt()
	if u == nil {
		return nil, catalog.Ref{}
	}
	n := p.State.Named(u.GetRelation())
	if p.State.IsNew(n) || p.State.Missing(n) {
		return nil, n
	}
	return u, n
}

func everyRow(u *pg.UpdateStmt) bool {
	return syntax.AlwaysTrue(u.GetWhereClause()) && len(u.GetFromClause()) == 0
}
