package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropIndex() Analyzer {
	rule := Rule{
		ID: "drop-index", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "DROP INDEX takes ACCESS EXCLUSIVE on the table for a moment; queries that used the index become slow.",
		Do:  "DROP INDEX CONCURRENTLY, outside BEGIN … COMMIT",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetDropStmt()
		if d.GetRemoveType() != pg.ObjectType_OBJECT_INDEX || d.GetConcurrent() {
			return
		}
		for _, o := range d.GetObjects() {
			n := p.state.listed(o)
			if made, ok := p.state.indexTable[n]; ok && p.state.isFresh(made) {
				continue
			}
			p.report(rule, 0, "all queries on the table of %s wait for a moment", n)
		}
	}}
}
