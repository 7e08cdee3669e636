package sqlreview

func backfillNoWhere() Analyzer {
	rule := Rule{
		ID: "backfill-no-where", Family: FamilyLock, Severity: SeverityBlock,
		Why: "Every row is locked until the end of the transaction, and the table doubles.",
		Do:  "fill in batches, outside the deployment",
	}
	return Analyzer{rule, func(p *pass) {
		u := p.node.GetUpdateStmt()
		if u == nil {
			return
		}
		n := p.state.named(u.GetRelation())
		if p.state.isFresh(n) {
			return
		}
		p.breaks(Conditional)
		if !alwaysTrue(u.GetWhereClause()) || len(u.GetFromClause()) > 0 {
			return
		}
		severity := rule.Severity
		if p.state.small(n, p.policy) {
			severity = SeverityInfo
		}
		p.reportAs(rule, severity, "text", at(u.GetRelation()), "this updates every row of %s", n)
	}}
}
