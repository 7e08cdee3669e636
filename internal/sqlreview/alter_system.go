package sqlreview

func alterSystem() Analyzer {
	rule := Rule{
		ID: "alter-system", Family: FamilyBehaviour, Severity: SeverityBlock,
		Why: "It changes the whole server, not this database, and outlives every rollback.",
		Do:  "change server settings outside of a migration",
	}
	return Analyzer{rule, func(p *pass) {
		if p.node.GetAlterSystemStmt() != nil {
			p.breaks(Unknown)
			p.report(rule, 0, "ALTER SYSTEM changes the server for everybody")
		}
		if p.node.GetAlterDatabaseSetStmt() != nil || p.node.GetAlterRoleSetStmt() != nil || p.node.GetAlterDatabaseStmt() != nil {
			p.breaks(Conditional)
			p.reportAs(rule, SeverityWarn, "text", 0, "%s changes sessions that start from now on", p.kind)
		}
	}}
}
