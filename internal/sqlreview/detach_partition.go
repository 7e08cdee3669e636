package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func detachPartition() Analyzer {
	rule := Rule{
		ID: "detach-partition", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The rows vanish from the parent, and a plain DETACH locks parent and child for everybody.",
		Do:  "detach in a later release, with CONCURRENTLY",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			if c.GetSubtype() == pg.AlterTableType_AT_DetachPartition {
				p.breaks(Incompatible)
				p.report(rule, at(c.GetDef().GetPartitionCmd().GetName()), "the rows of %s vanish from %s", c.GetDef().GetPartitionCmd().GetName().GetRelname(), t)
			}
		}
	}}
}
