package sqlreview

func attachPartition() Analyzer {
	return Analyzer{Rule{
		ID: "attach-partition", Family: FamilyLock, Severity: SeverityBlock,
		Why: "ATTACH PARTITION scans the child under ACCESS EXCLUSIVE unless a valid CHECK proves its bound.",
		Do:  "add a CHECK (key IS NOT NULL AND key >= … AND key < …) NOT VALID to the child, VALIDATE it in its own transaction, then ATTACH",
	}, byCause(attachPartition)}
}
