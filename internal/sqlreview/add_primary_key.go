package sqlreview

func addPrimaryKey() Analyzer {
	return Analyzer{Rule{
		ID: "add-primary-key", Family: FamilyLock, Severity: SeverityBlock,
		Why: "The index of a primary key is built under ACCESS EXCLUSIVE, and columns that may be null are scanned.",
		Do:  "prove NOT NULL first, then:\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (…);\nALTER TABLE t ADD CONSTRAINT c PRIMARY KEY USING INDEX i;",
	}, byCause(addPrimaryKey)}
}
