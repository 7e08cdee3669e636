package sqlreview

func identityRewrite() Analyzer {
	return Analyzer{Rule{
		ID: "identity-rewrite", Family: FamilyLock, Severity: SeverityBlock,
		Why: "Identity, serial and stored generated columns give every row a value: the table is rewritten under ACCESS EXCLUSIVE.",
		Do:  "add a plain nullable column, fill it in batches, then attach the sequence or trigger",
	}, byCause(identityRewrite)}
}
