package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func renameColumn() Analyzer {
	rule := Rule{
		ID: "rename-column", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image uses the old name and fails at once.",
		Do:  "add a column, write both, switch the readers, drop the old one in a later release",
	}
	return Analyzer{rule, func(p *pass) {
		r := p.node.GetRenameStmt()
		if r == nil || r.GetRenameType() != pg.ObjectType_OBJECT_COLUMN && r.GetRenameType() != pg.ObjectType_OBJECT_ATTRIBUTE {
			return
		}
		n := p.state.named(r.GetRelation())
		if p.state.isFresh(n) || p.state.columnIsFresh(n, r.GetSubname()) ||
			r.GetRenameType() == pg.ObjectType_OBJECT_ATTRIBUTE && p.state.types[n.name] {
			return
		}
		p.breaks(Incompatible)
		p.report(rule, at(r.GetRelation()), "column %s.%s is renamed to %s", n, r.GetSubname(), r.GetNewname())
	}}
}
