package sqlreview

func explicitLock() Analyzer {
	rule := Rule{
		ID: "explicit-lock", Family: FamilyLock, Severity: SeverityBlock,
		Why: "The lock is held until the end of the transaction, whatever else it does.",
		Do:  "leave the lock to the statements that need it, and let lock_timeout protect the readers",
	}
	return Analyzer{rule, func(p *pass) {
		l := p.node.GetLockStmt()
		if l.GetMode() < 5 { // below SHARE, readers and writers go on
			return
		}
		for _, r := range l.GetRelations() {
			if n := p.state.named(r.GetRangeVar()); !p.state.isFresh(n) {
				p.report(rule, at(r.GetRangeVar()), "this locks %s until the transaction ends", n)
			}
		}
	}}
}
