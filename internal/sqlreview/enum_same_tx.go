package sqlreview

import "strings"

func enumSameTx() Analyzer {
	rule := Rule{
		ID: "enum-same-tx", Family: FamilyFailure, Severity: SeverityBlock,
		Why: "PostgreSQL refuses a new enum value in the transaction that adds it.",
		Do:  "commit ALTER TYPE … ADD VALUE first, in a transaction of its own",
	}
	return Analyzer{rule, func(p *pass) {
		if p.node.GetAlterEnumStmt() != nil {
			return
		}
		for _, label := range p.state.labels {
			if strings.Contains(p.sql, "'"+strings.ReplaceAll(label, "'", "''")+"'") {
				p.claims.Fails = "unsafe use of new value of enum type"
				p.report(rule, 0, "the value %q is used in the transaction that adds it", label)
			}
		}
	}}
}
