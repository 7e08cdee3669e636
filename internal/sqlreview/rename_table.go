package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func renameTable() Analyzer {
	rule := Rule{
		ID: "rename-table", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image uses the old name and fails at once.",
		Do:  "rename, and leave a view under the old name in the same transaction; or make a new table and move over",
	}
	return Analyzer{rule, func(p *pass) {
		relation := p.node.GetAlterObjectSchemaStmt().GetRelation()
		if r := p.node.GetRenameStmt(); r != nil {
			switch r.GetRenameType() {
			case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_FOREIGN_TABLE:
				relation = r.GetRelation()
			}
		}
		if relation == nil || p.state.isFresh(p.state.named(relation)) {
			return
		}
		p.breaks(Incompatible)
		p.report(rule, at(relation), "%s gets another name or schema", p.state.named(relation))
	}}
}
