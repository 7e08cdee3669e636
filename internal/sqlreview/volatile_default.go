package sqlreview

func volatileDefault() Analyzer {
	return Analyzer{Rule{
		ID: "volatile-default", Family: FamilyLock, Severity: SeverityBlock,
		Why: "A default that differs per row rewrites the table and its indexes under ACCESS EXCLUSIVE.",
		Do:  "ALTER TABLE t ADD COLUMN c type;\nALTER TABLE t ALTER COLUMN c SET DEFAULT f();\n-- then fill old rows in batches, outside the deployment",
	}, byCause(volatileDefault)}
}
