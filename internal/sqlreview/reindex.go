package sqlreview

func reindex() Analyzer {
	return Analyzer{Rule{
		ID: "reindex", Family: FamilyLock, Severity: SeverityBlock,
		Why: "A plain REINDEX stops writes to the table, and reads through the index.",
		Do:  "REINDEX … CONCURRENTLY",
	}, byCause(reindex)}
}
