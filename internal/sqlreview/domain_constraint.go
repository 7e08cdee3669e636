package sqlreview

func domainConstraint() Analyzer {
	rule := Rule{
		ID: "domain-constraint", Family: FamilyLock, Severity: SeverityBlock,
		Why: "Every table that uses the domain is scanned while it is locked.",
		Do:  "ALTER DOMAIN d ADD CONSTRAINT c CHECK (…) NOT VALID;\nALTER DOMAIN d VALIDATE CONSTRAINT c;  -- in its own transaction",
	}
	return Analyzer{rule, func(p *pass) {
		d := p.node.GetAlterDomainStmt()
		if d == nil {
			return
		}
		n := p.state.qualify("", lastName(d.GetTypeName()))
		if _, made := p.state.domains[n.name]; made {
			return
		}
		p.breaks(Conditional)
		if d.GetSubtype() == "O" || d.GetSubtype() == "C" && !d.GetDef().GetConstraint().GetSkipValidation() {
			p.report(rule, 0, "every table with a column of type %s is scanned", n)
		}
	}}
}
