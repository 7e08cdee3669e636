package sqlreview

func indexNotConcurrent() Analyzer {
	return Analyzer{Rule{
		ID: "index-not-concurrent", Family: FamilyLock, Severity: SeverityBlock,
		Why: "A plain CREATE INDEX holds SHARE: every write waits until the build ends.",
		Do:  "CREATE INDEX CONCURRENTLY IF NOT EXISTS … ;  -- outside BEGIN … COMMIT and outside DO",
	}, byCause(indexNotConcurrent)}
}
