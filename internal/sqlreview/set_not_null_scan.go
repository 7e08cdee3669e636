package sqlreview

func setNotNullScan() Analyzer {
	return Analyzer{Rule{
		ID: "set-not-null-scan", Family: FamilyLock, Severity: SeverityBlock,
		Why: "SET NOT NULL reads the whole table under ACCESS EXCLUSIVE unless a valid CHECK already proves it.",
		Do:  "ALTER TABLE t ADD CONSTRAINT t_c_nn CHECK (c IS NOT NULL) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT t_c_nn;  -- in its own transaction\nALTER TABLE t ALTER COLUMN c SET NOT NULL;\nALTER TABLE t DROP CONSTRAINT t_c_nn;",
	}, byCause(setNotNullScan)}
}
