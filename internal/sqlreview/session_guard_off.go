package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func sessionGuardOff() Analyzer {
	rule := Rule{
		ID: "session-guard-off", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "What protects the rows (triggers, foreign keys) is switched off.",
		Do:  "leave it on; repair rows in a step that a person watches",
	}
	return Analyzer{rule, func(p *pass) {
		if v := p.node.GetVariableSetStmt(); v.GetName() == "session_replication_role" && v.GetKind() == pg.VariableSetKind_VAR_SET_VALUE {
			p.breaks(Conditional)
			p.report(rule, 0, "session_replication_role switches off triggers and foreign keys")
		}
		t, cmds := p.alters()
		for _, c := range cmds {
			switch c.GetSubtype() {
			case pg.AlterTableType_AT_DisableTrig, pg.AlterTableType_AT_DisableTrigAll, pg.AlterTableType_AT_DisableTrigUser:
				p.breaks(Conditional)
				p.report(rule, 0, "triggers of %s are switched off", t)
			case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser,
				pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
				p.breaks(Conditional)
				p.reportAs(rule, SeverityWarn, "text", 0, "triggers of %s are switched on", t)
			}
		}
	}}
}
