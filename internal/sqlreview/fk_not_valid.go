package sqlreview

func fkNotValid() Analyzer {
	return Analyzer{Rule{
		ID: "fk-not-valid", Family: FamilyLock, Severity: SeverityBlock,
		Why: "A foreign key that is not NOT VALID is checked for every row while writes to both tables wait.",
		Do:  "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (…) REFERENCES … NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;  -- in its own transaction",
	}, byCause(fkNotValid)}
}
