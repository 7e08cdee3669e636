package sqlreview

func dropDatabase() Analyzer {
	rule := Rule{
		ID: "drop-database", Family: FamilyLoss, Severity: SeverityBlock,
		Why: "Everything in it is gone, and no migration needs it.",
		Do:  "do it by hand, with a backup that was restored once",
	}
	return Analyzer{rule, func(p *pass) {
		switch {
		case p.node.GetDropdbStmt() != nil:
			p.breaks(Incompatible)
			p.report(rule, 0, "this drops database %s", p.node.GetDropdbStmt().GetDbname())
		case p.node.GetDropTableSpaceStmt() != nil:
			p.breaks(Incompatible)
			p.report(rule, 0, "this drops tablespace %s", p.node.GetDropTableSpaceStmt().GetTablespacename())
		case p.node.GetDropOwnedStmt() != nil:
			p.breaks(Incompatible)
			p.report(rule, 0, "DROP OWNED drops everything that a role owns")
		}
	}}
}
