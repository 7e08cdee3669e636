package sqlreview

func partitionOf() Analyzer {
	rule := Rule{
		ID: "partition-of", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "CREATE TABLE … PARTITION OF takes ACCESS EXCLUSIVE on the parent for a moment.",
		Do:  "CREATE TABLE … (LIKE parent), then ATTACH PARTITION, which lets readers and writers go on",
	}
	return Analyzer{rule, func(p *pass) {
		c := p.node.GetCreateStmt()
		if c.GetPartbound() == nil {
			return
		}
		for _, parent := range c.GetInhRelations() {
			if n := p.state.named(parent.GetRangeVar()); !p.state.isFresh(n) {
				p.report(rule, at(c.GetRelation()), "all queries on %s wait for a moment", n)
			}
		}
	}}
}
