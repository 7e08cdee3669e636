package sqlreview

func typeMeaning() Analyzer {
	return Analyzer{Rule{
		ID: "type-meaning", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "No row is rewritten, but clients see another type.",
		Do:  "make sure that the running image reads both types",
	}, byCause(typeMeaning)}
}
