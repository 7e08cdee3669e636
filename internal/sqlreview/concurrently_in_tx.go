package sqlreview

func concurrentlyInTx() Analyzer {
	rule := Rule{
		ID: "concurrently-in-tx", Family: FamilyFailure, Severity: SeverityBlock,
		Why: "PostgreSQL refuses it inside a transaction or a function, always.",
		Do:  "move the statement out of BEGIN … COMMIT and out of DO, into a statement of its own",
	}
	work := byCause(concurrentlyInTx)
	return Analyzer{rule, func(p *pass) {
		work(p)
		if p.inBody && p.refuses {
			p.claims.Fails = p.kind + " cannot be executed from a function"
			p.report(rule, 0, "%s cannot run inside a DO block or function", p.kind)
		}
	}}
}
