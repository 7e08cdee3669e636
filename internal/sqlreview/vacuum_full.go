package sqlreview

func vacuumFull() Analyzer {
	return Analyzer{Rule{
		ID: "vacuum-full", Family: FamilyLock, Severity: SeverityBlock,
		Why: "VACUUM FULL rewrites the table under ACCESS EXCLUSIVE.",
		Do:  "use pg_repack, or run it in a maintenance window by hand",
	}, byCause(vacuumFull)}
}
