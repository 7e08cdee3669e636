package sqlreview

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

func lockTimeoutOff() Analyzer {
	rule := Rule{
		ID: "lock-timeout-off", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "A statement that waits for a lock without end makes all later readers of the table wait behind it.",
		Do:  "leave lock_timeout as the release sets it (2 s, with retries)",
	}
	return Analyzer{rule, func(p *pass) {
		v := p.node.GetVariableSetStmt()
		if strings.ToLower(v.GetName()) != "lock_timeout" {
			return
		}
		off := v.GetKind() == pg.VariableSetKind_VAR_SET_DEFAULT || v.GetKind() == pg.VariableSetKind_VAR_RESET
		for _, a := range v.GetArgs() {
			c := a.GetAConst()
			off = off || c.GetIval() != nil && c.GetIval().GetIval() == 0 || c.GetSval() != nil && strings.Trim(c.GetSval().GetSval(), "0msinhd ") == ""
		}
		if off {
			p.report(rule, 0, "lock_timeout is switched off")
		}
	}}
}
