package sqlreview

func calledFunction() Analyzer {
	rule := Rule{
		ID: "called-function", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "The function is not made here, and a volatile function can change anything.",
		Do:  "read its body, or write its statements into the migration",
	}
	return Analyzer{rule, func(p *pass) {
		if p.node.GetSelectStmt() == nil || p.state.catalog == nil {
			return
		}
		for _, c := range calls(p.node) {
			n := calledName(c)
			if len(p.state.functions[n]) > 0 {
				continue
			}
			for _, f := range p.state.catalog.Functions {
				if f.Name == n && f.Volatility == "v" {
					p.breaks(Unknown)
					p.reportAs(rule, rule.Severity, "catalog", c.GetLocation(), "%s() is called, and what it does is not known", n)
					break
				}
			}
		}
	}}
}
