package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func renameObject() Analyzer {
	rule := Rule{
		ID: "rename-object", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image uses the old name and fails at once.",
		Do:  "make the new one beside the old one, and drop the old one in a later release",
	}
	return Analyzer{rule, func(p *pass) {
		if o := p.node.GetAlterObjectSchemaStmt(); o != nil && o.GetRelation() == nil {
			p.breaks(Incompatible)
			p.report(rule, 0, "%s moves an object that the running image may use", p.kind)
		}
		r := p.node.GetRenameStmt()
		if r == nil {
			return
		}
		switch r.GetRenameType() {
		case pg.ObjectType_OBJECT_SCHEMA, pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN, pg.ObjectType_OBJECT_FUNCTION,
			pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_ROLE, pg.ObjectType_OBJECT_DATABASE:
			if p.state.types[p.state.listed(r.GetObject()).name] {
				return
			}
			p.breaks(Incompatible)
			p.report(rule, 0, "%s to %s", p.kind, r.GetNewname())
		}
	}}
}
