package sqlreview

func createTrigger() Analyzer {
	rule := Rule{
		ID: "create-trigger", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "A trigger or rule changes what the running image's writes do, and creating it stops writes for a moment.",
		Do:  "make sure that the running image can live with it",
	}
	return Analyzer{rule, func(p *pass) {
		relation := p.node.GetCreateTrigStmt().GetRelation()
		if relation == nil {
			relation = p.node.GetRuleStmt().GetRelation()
		}
		if relation == nil || p.state.isFresh(p.state.named(relation)) {
			return
		}
		p.breaks(Conditional)
		p.report(rule, at(relation), "writes to %s behave differently from now on", p.state.named(relation))
	}}
}
