package sqlreview

func uniqueConstraint() Analyzer {
	return Analyzer{Rule{
		ID: "unique-constraint", Family: FamilyLock, Severity: SeverityBlock,
		Why: "The index of a UNIQUE or EXCLUDE constraint is built under ACCESS EXCLUSIVE.",
		Do:  "CREATE UNIQUE INDEX CONCURRENTLY i ON t (…);\nALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i;",
	}, byCause(uniqueConstraint)}
}
