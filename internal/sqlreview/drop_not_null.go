package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropNotNull() Analyzer {
	rule := Rule{
		ID: "drop-not-null", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "Once the new image writes a null, the old image may fail: there is no way back.",
		Do:  "make sure that the running image can read a null",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			if c.GetSubtype() == pg.AlterTableType_AT_DropNotNull {
				p.breaks(Conditional)
				p.report(rule, 0, "%s.%s may be null from now on", t, c.GetName())
			}
		}
	}}
}
