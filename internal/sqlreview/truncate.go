package sqlreview

func truncate() Analyzer {
	rule := Rule{
		ID: "truncate", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "All rows are gone.",
		Do:  "delete what must go in batches, outside the deployment, after a backup",
	}
	return Analyzer{rule, func(p *pass) {
		for _, r := range p.node.GetTruncateStmt().GetRelations() {
			if n := p.state.named(r.GetRangeVar()); !p.state.isFresh(n) {
				p.breaks(Incompatible)
				p.report(rule, at(r.GetRangeVar()), "this deletes all rows of %s", n)
			}
		}
	}}
}
