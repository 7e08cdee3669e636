package sqlreview

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// overwritten lists the columns of an UPDATE that the script did not add: they may hold values.
func (p *pass) overwritten(u *pg.UpdateStmt, n name) []string {
	var out []string
	for _, t := range u.GetTargetList() {
		if column := t.GetResTarget().GetName(); !p.state.columnIsFresh(n, column) && !slices.Contains(out, column) {
			out = append(out, column)
		}
	}
	return out
}

func overwriteNoWhere() Analyzer {
	rule := Rule{
		ID: "overwrite-no-where", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "The old values of all rows are gone, and every row is locked until the end of the transaction.",
		Do:  "say which rows, keep the old values in another column, and write in batches, outside the deployment",
	}
	return Analyzer{rule, func(p *pass) {
		u, n := p.updates()
		if u == nil || !everyRow(u) {
			return
		}
		if columns := p.overwritten(u, n); len(columns) > 0 {
			p.report(rule, at(u.GetRelation()), "this overwrites %s in every row of %s", strings.Join(columns, ", "), n)
		}
	}}
}
