package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func backfillNoWhere() Analyzer {
	rule := Rule{
		ID: "backfill-no-where", Family: FamilyLock, Severity: SeverityBlock,
		Why: "Every row is locked until the end of the transaction, and the table doubles.",
		Do:  "fill in batches, outside the deployment",
	}
	return Analyzer{rule, func(p *pass) {
		u, n := p.updates()
		if u == nil {
			return
		}
		p.breaks(Conditional)
		if !everyRow(u) || len(p.overwritten(u, n)) > 0 {
			return
		}
		severity := rule.Severity
		if p.state.small(n, p.policy) {
			severity = SeverityInfo
		}
		p.reportAs(rule, severity, "text", at(u.GetRelation()), "this updates every row of %s", n)
	}}
}

// updates gives an UPDATE of a relation that exists before the script.
func (p *pass) updates() (*pg.UpdateStmt, name) {
	u := p.node.GetUpdateStmt()
	if u == nil {
		return nil, name{}
	}
	n := p.state.named(u.GetRelation())
	if p.state.isFresh(n) || p.state.missing(n) {
		return nil, n
	}
	return u, n
}

func everyRow(u *pg.UpdateStmt) bool {
	return alwaysTrue(u.GetWhereClause()) && len(u.GetFromClause()) == 0
}
