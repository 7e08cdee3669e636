package sqlreview

func tableRewrite() Analyzer {
	return Analyzer{Rule{
		ID: "table-rewrite", Family: FamilyLock, Severity: SeverityBlock,
		Why: "The table is rewritten under ACCESS EXCLUSIVE.",
		Do:  "use pg_repack, or do it in a maintenance window by hand",
	}, byCause(tableRewrite)}
}
