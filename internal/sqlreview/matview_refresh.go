package sqlreview

func matviewRefresh() Analyzer {
	return Analyzer{Rule{
		ID: "matview-refresh", Family: FamilyLock, Severity: SeverityBlock,
		Why: "A plain REFRESH holds ACCESS EXCLUSIVE for as long as its query runs.",
		Do:  "REFRESH MATERIALIZED VIEW CONCURRENTLY v;  -- needs a unique index on v",
	}, byCause(matviewRefresh)}
}
