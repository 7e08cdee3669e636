package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropObject() Analyzer {
	rule := Rule{
		ID: "drop-object", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image may use it, and CASCADE removes what depends on it without a word.",
		Do:  "remove the use first, release that, and drop in a later release, after proof that nothing reads it",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetDropStmt()
		if d == nil {
			return
		}
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE, pg.ObjectType_OBJECT_AGGREGATE,
			pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN, pg.ObjectType_OBJECT_EXTENSION, pg.ObjectType_OBJECT_SEQUENCE,
			pg.ObjectType_OBJECT_CAST, pg.ObjectType_OBJECT_OPERATOR, pg.ObjectType_OBJECT_COLLATION:
			p.dropObjects(rule, d)
		case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			p.breaks(Conditional)
			p.reportAs(rule, SeverityWarn, "text", 0, "%s changes what the running image's statements do", p.kind)
		}
	}}
}

func (p *pass) dropObjects(rule Rule, d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		n := p.state.listed(o)
		cascade := d.GetBehavior() == pg.DropBehavior_DROP_CASCADE
		if p.state.types[n.name] && !cascade {
			continue
		}
		if (p.state.later[n.name] || len(p.state.functions[n.name]) > 0) && !cascade {
			p.breaks(Conditional)
			p.reportAs(rule, SeverityWarn, "text", 0, "%s %s: the script makes it again; the running image must live with the new one", p.kind, n)
			continue
		}
		p.breaks(Incompatible)
		p.report(rule, 0, "%s %s", p.kind, n)
	}
}
