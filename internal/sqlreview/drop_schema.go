package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropSchema() Analyzer {
	rule := Rule{
		ID: "drop-schema", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "Everything in it is gone.",
		Do:  "drop in a later release, object by object",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetDropStmt()
		if d.GetRemoveType() == pg.ObjectType_OBJECT_SCHEMA {
			p.breaks(Incompatible)
			p.report(rule, 0, "this drops a schema with everything in it")
		}
	}}
}
