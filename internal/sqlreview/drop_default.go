package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropDefault() Analyzer {
	rule := Rule{
		ID: "drop-default", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image leaves the column out of its INSERTs, and they fail when it is NOT NULL.",
		Do:  "keep the default for one more release",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			if c.GetSubtype() != pg.AlterTableType_AT_ColumnDefault || c.GetDef() != nil || p.state.columnIsFresh(t, c.GetName()) {
				continue
			}
			if known := p.state.table(t).column(c.GetName()); known != nil && (!known.NotNull || !known.HasDefault) {
				p.breaks(Conditional)
				p.reportAs(rule, SeverityWarn, "catalog", 0, "INSERTs that leave out %s.%s write null from now on", t, c.GetName())
				continue
			}
			p.breaks(Incompatible)
			p.report(rule, 0, "INSERTs that leave out %s.%s fail if the column is NOT NULL", t, c.GetName())
		}
	}}
}
