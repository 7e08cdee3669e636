package sqlreview

func validateSameTx() Analyzer {
	return Analyzer{Rule{
		ID: "validate-same-tx", Family: FamilyLock, Severity: SeverityBlock,
		Why: "The lock of an earlier statement of the same transaction is held while every row is verified.",
		Do:  "put VALIDATE CONSTRAINT into a transaction of its own",
	}, byCause(validateSameTx)}
}
