package sqlreview

func typeRewrite() Analyzer {
	return Analyzer{Rule{
		ID: "type-rewrite", Family: FamilyLock, Severity: SeverityBlock,
		Why: "Changing a type rewrites the table and its indexes under ACCESS EXCLUSIVE, unless the old values are valid as they stand.",
		Do:  "add a new column, write both, copy in batches, switch the readers, drop the old column in a later release",
	}, byCause(typeRewrite)}
}
