package sqlreview

func revoke() Analyzer {
	rule := Rule{
		ID: "revoke", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image may lose its access.",
		Do:  "revoke in a later release, after proof that nothing needs it",
	}
	return Analyzer{rule, func(p *pass) {
		g, roles, defaults := p.node.GetGrantStmt(), p.node.GetGrantRoleStmt(), p.node.GetAlterDefaultPrivilegesStmt()
		switch {
		case g != nil && !g.GetIsGrant():
			for _, o := range g.GetObjects() {
				if o.GetRangeVar() == nil || !p.state.isFresh(p.state.named(o.GetRangeVar())) {
					p.breaks(Incompatible)
					p.report(rule, 0, "REVOKE may take away what the running image needs")
					return
				}
			}
		case roles != nil && !roles.GetIsGrant():
			p.breaks(Incompatible)
			p.report(rule, 0, "REVOKE of a role may take away what the running image needs")
		case defaults.GetAction() != nil && !defaults.GetAction().GetIsGrant():
			p.reportAs(rule, SeverityWarn, "text", 0, "objects made from now on get fewer privileges")
		}
	}}
}
