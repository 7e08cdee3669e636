package sqlreview

func typeRecheck() Analyzer {
	return Analyzer{Rule{
		ID: "type-recheck", Family: FamilyLock, Severity: SeverityBlock,
		Why: "Even a change that needs no rewrite verifies the CHECKs on the column again and builds its expression indexes again, under ACCESS EXCLUSIVE.",
		Do:  "drop the constraint or index first, change the type, then add it again NOT VALID and validate it, or build it CONCURRENTLY",
	}, byCause(typeRecheck)}
}
