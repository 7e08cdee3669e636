package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func ownerChange() Analyzer {
	rule := Rule{
		ID: "owner-change", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "The old owner loses what only an owner may do.",
		Do:  "make sure that the running image does not connect as the old owner",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			if c.GetSubtype() == pg.AlterTableType_AT_ChangeOwner {
				p.breaks(Conditional)
				p.report(rule, 0, "%s gets another owner", t)
			}
		}
	}}
}
