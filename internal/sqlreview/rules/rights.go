package rules

import (
	"cmp"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/report"
)

// rightRules are about who may see and change what.
func rightRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "rls", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "With row security and no policy, everybody but the owner sees no rows.",
			Do:  "create the policy first, in the same transaction", Server: "ACCESS EXCLUSIVE for a moment.",
			Unless: "When the script or the catalog has a policy for the table: it warns."}, rls},
		{report.Rule{ID: "revoke", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image may lose its access.",
			Do:  "revoke in a later release, after proof that nothing needs it"}, revoke},
		{report.Rule{ID: "owner-change", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "The old owner loses what only an owner may do.",
			Do:  "make sure that the running image does not connect as the old owner"}, ownerChange},
	}
}

func rls(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_EnableRowSecurity, pg.AlterTableType_AT_ForceRowSecurity:
			if known := p.State.Table(t); p.State.Policies[t] || known != nil && known.Policies > 0 {
				p.Breaks(report.Conditional)
				p.ReportAs(report.SeverityWarn, "text", 0, "row security on %s changes what the running image sees", t)
				continue
			}
			p.Breaks(report.Incompatible)
			p.Report(0, "row security on %s without a policy hides all its rows", t)
		case pg.AlterTableType_AT_DisableRowSecurity, pg.AlterTableType_AT_NoForceRowSecurity:
			p.Breaks(report.Conditional)
			p.ReportAs(report.SeverityWarn, "text", 0, "row security on %s is taken away", t)
		}
	}
	relation := cmp.Or(p.Node.GetCreatePolicyStmt().GetTable(), p.Node.GetAlterPolicyStmt().GetTable())
	if relation != nil && !p.State.IsNew(p.State.Named(relation)) {
		p.Breaks(report.Conditional)
		p.ReportAs(report.SeverityWarn, "text", relation.GetLocation(),
			"a policy on %s changes what the running image sees", p.State.Named(relation))
	}
}

func revoke(p *Pass) {
	g, roles, defaults := p.Node.GetGrantStmt(), p.Node.GetGrantRoleStmt(), p.Node.GetAlterDefaultPrivilegesStmt()
	switch {
	case g != nil && !g.GetIsGrant():
		for _, o := range g.GetObjects() {
			if o.GetRangeVar() == nil || !p.State.IsNew(p.State.Named(o.GetRangeVar())) {
				p.Breaks(report.Incompatible)
				p.Report(0, "REVOKE may take away what the running image needs")
				return
			}
		}
	case roles != nil && !roles.GetIsGrant():
		p.Breaks(report.Incompatible)
		p.Report(0, "REVOKE of a role may take away what the running image needs")
	case defaults.GetAction() != nil && !defaults.GetAction().GetIsGrant():
		p.ReportAs(report.SeverityWarn, "text", 0, "objects made from now on get fewer privileges")
	}
}

func ownerChange(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		if c.GetSubtype() == pg.AlterTableType_AT_ChangeOwner {
			p.Breaks(report.Conditional)
			p.Report(0, "%s gets another owner", t)
		}
	}
}
