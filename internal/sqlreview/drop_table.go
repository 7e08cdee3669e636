package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropTable() Analyzer {
	rule := Rule{
		ID: "drop-table", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "The rows are gone, and the running image fails at its next query.",
		Do:  "remove the use first, release that, and drop in a later release, after proof that nothing reads it",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetDropStmt()
		if d.GetRemoveType() != pg.ObjectType_OBJECT_TABLE && d.GetRemoveType() != pg.ObjectType_OBJECT_FOREIGN_TABLE {
			return
		}
		for _, o := range d.GetObjects() {
			n := p.state.listed(o)
			if p.state.isFresh(n) || d.GetMissingOk() && p.state.absent(n) {
				continue
			}
			p.breaks(Incompatible)
			p.report(rule, 0, "this drops table %s and all its rows", n)
		}
	}}
}
