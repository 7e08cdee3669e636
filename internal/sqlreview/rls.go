package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func rls() Analyzer {
	rule := Rule{
		ID: "rls", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "With row security and no policy, everybody but the owner sees no rows.",
		Do:  "create the policy first, in the same transaction",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			switch c.GetSubtype() {
			case pg.AlterTableType_AT_EnableRowSecurity, pg.AlterTableType_AT_ForceRowSecurity:
				if known := p.state.table(t); p.state.policies[t] || known != nil && known.Policies > 0 {
					p.breaks(Conditional)
					p.reportAs(rule, SeverityWarn, "text", 0, "row security on %s changes what the running image sees", t)
					continue
				}
				p.breaks(Incompatible)
				p.report(rule, 0, "row security on %s without a policy hides all its rows", t)
			case pg.AlterTableType_AT_DisableRowSecurity, pg.AlterTableType_AT_NoForceRowSecurity:
				p.breaks(Conditional)
				p.reportAs(rule, SeverityWarn, "text", 0, "row security on %s is taken away", t)
			}
		}
		relation := p.node.GetCreatePolicyStmt().GetTable()
		if relation == nil {
			relation = p.node.GetAlterPolicyStmt().GetTable()
		}
		if relation != nil && !p.state.isFresh(p.state.named(relation)) {
			p.breaks(Conditional)
			p.reportAs(rule, SeverityWarn, "text", at(relation), "a policy on %s changes what the running image sees", p.state.named(relation))
		}
	}}
}
