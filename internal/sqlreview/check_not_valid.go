package sqlreview

func checkNotValid() Analyzer {
	return Analyzer{Rule{
		ID: "check-not-valid", Family: FamilyLock, Severity: SeverityBlock,
		Why: "A CHECK that is not NOT VALID is verified against every row under ACCESS EXCLUSIVE.",
		Do:  "ALTER TABLE t ADD CONSTRAINT c CHECK (…) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;  -- in its own transaction",
	}, byCause(checkNotValid)}
}
