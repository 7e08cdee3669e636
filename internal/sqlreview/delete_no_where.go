package sqlreview

func deleteNoWhere() Analyzer {
	rule := Rule{
		ID: "delete-no-where", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "All rows are gone, in one long transaction.",
		Do:  "say which rows, and delete in batches",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetDeleteStmt()
		if d == nil || p.state.isFresh(p.state.named(d.GetRelation())) {
			return
		}
		p.breaks(Conditional)
		if alwaysTrue(d.GetWhereClause()) && len(d.GetUsingClause()) == 0 {
			p.breaks(Incompatible)
			p.report(rule, at(d.GetRelation()), "this deletes all rows of %s", p.state.named(d.GetRelation()))
		}
	}}
}
