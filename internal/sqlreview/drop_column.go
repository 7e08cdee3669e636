package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropColumn() Analyzer {
	rule := Rule{
		ID: "drop-column", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "The values are gone, and the running image still names the column.",
		Do:  "stop using the column, release that, and drop it in a later release",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			if c.GetSubtype() != pg.AlterTableType_AT_DropColumn || p.state.columnIsFresh(t, c.GetName()) {
				continue
			}
			if known := p.state.table(t); c.GetMissingOk() && known != nil && known.column(c.GetName()) == nil {
				continue
			}
			p.breaks(Incompatible)
			p.report(rule, 0, "this drops column %s.%s and its values", t, c.GetName())
		}
	}}
}
