package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func dropView() Analyzer {
	rule := Rule{
		ID: "drop-view", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image may read the view.",
		Do:  "remove the use first, release that, and drop in a later release, after proof that nothing reads it",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetDropStmt()
		if d.GetRemoveType() != pg.ObjectType_OBJECT_VIEW && d.GetRemoveType() != pg.ObjectType_OBJECT_MATVIEW {
			return
		}
		for _, o := range d.GetObjects() {
			n := p.state.listed(o)
			if p.state.isFresh(n) || d.GetMissingOk() && p.state.absent(n) {
				continue
			}
			if p.state.later[n.name] && d.GetBehavior() != pg.DropBehavior_DROP_CASCADE {
				p.breaks(Conditional)
				p.reportAs(rule, SeverityWarn, "text", 0, "view %s is dropped and made again; the running image must live with the new one", n)
				continue
			}
			p.breaks(Incompatible)
			p.report(rule, 0, "this drops view %s", n)
		}
	}}
}
