package rules

import "fairlead/internal/sqlreview/report"

// workRules are about work of the size of a table under a lock. They find nothing themselves: what the server will do
// is claimed with the rule that speaks about it, and they differ in their words only.
func workRules() []Analyzer {
	var all []Analyzer
	for _, r := range []report.Rule{
		{ID: "validate-same-tx", Family: report.FamilyLock, Severity: report.SeverityBlock, OutsideTransaction: true,
			Why: "The lock of an earlier statement of the same transaction is held while every row is verified.",
			Do:  "put VALIDATE CONSTRAINT into a transaction of its own",
			Server: "SHARE UPDATE EXCLUSIVE and a scan; the stronger lock of the earlier statement stays until the " +
				"commit.",
			Unless: "In a transaction of its own."},
		{ID: "set-not-null-scan", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "SET NOT NULL reads the whole table under ACCESS EXCLUSIVE unless a valid CHECK already proves it.",
			Do: "ALTER TABLE t ADD CONSTRAINT t_c_nn CHECK (c IS NOT NULL) NOT VALID;\nALTER TABLE t VALIDATE " +
				"CONSTRAINT t_c_nn;  -- in its own transaction\nALTER TABLE t ALTER COLUMN c SET NOT NULL;\nALTER " +
				"TABLE t DROP CONSTRAINT t_c_nn;",
			Server: "ACCESS EXCLUSIVE while every row is read.",
			Unless: "When a valid CHECK implies it, alone or in a conjunction with AND: the scan is skipped."},
		{ID: "index-not-concurrent", Family: report.FamilyLock, Severity: report.SeverityBlock,
			OutsideTransaction: true, Why: "A plain CREATE INDEX holds SHARE: every write waits until the build ends.",
			Do:     "CREATE INDEX CONCURRENTLY IF NOT EXISTS … ;  -- outside BEGIN … COMMIT and outside DO",
			Server: "SHARE on the table, and on each partition, while the index is built: reads go on, writes wait.",
			Unless: "ON ONLY a partitioned table: nothing is built. With IF NOT EXISTS, when the index is there."},
		{ID: "volatile-default", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "A default that differs per row rewrites the table and its indexes under ACCESS EXCLUSIVE.",
			Do: "ALTER TABLE t ADD COLUMN c type;\nALTER TABLE t ALTER COLUMN c SET DEFAULT f();\n-- then fill old " +
				"rows in batches, outside the deployment",
			Server: "ACCESS EXCLUSIVE while the table and all its indexes are written anew.",
			Unless: "For constants, now(), CURRENT_TIMESTAMP and STABLE or IMMUTABLE functions: they are computed " +
				"once."},
		{ID: "identity-rewrite", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "Identity, serial and stored generated columns give every row a value: the table is rewritten under " +
				"ACCESS EXCLUSIVE.",
			Do:     "add a plain nullable column, fill it in batches, then attach the sequence or trigger",
			Server: "ACCESS EXCLUSIVE while the table and all its indexes are written anew."},
		{ID: "type-rewrite", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "Changing a type rewrites the table and its indexes under ACCESS EXCLUSIVE, unless the old values " +
				"are valid as they stand.",
			Do: "add a new column, write both, copy in batches, switch the readers, drop the old column in a later " +
				"release",
			Server: "ACCESS EXCLUSIVE while the table and all its indexes are written anew.",
			Unless: "varchar(n) to a longer varchar or text, text to varchar, numeric(p,s) to a larger p or to " +
				"numeric, a longer varbit, timestamp(3) to timestamp(6), cidr to inet, and timestamp to timestamptz " +
				"in a UTC session."},
		{ID: "type-recheck", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "Even a change that needs no rewrite verifies the CHECKs on the column again and builds its " +
				"expression indexes again, under ACCESS EXCLUSIVE.",
			Do: "drop the constraint or index first, change the type, then add it again NOT VALID and validate it, " +
				"or build it CONCURRENTLY",
			Server: "ACCESS EXCLUSIVE while every row is read, or the index is built.",
			Unless: "When no valid CHECK and no expression or partial index is on the column."},
		{ID: "type-meaning", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "No row is rewritten, but clients see another type.",
			Do:  "make sure that the running image reads both types"},
		{ID: "check-not-valid", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "A CHECK that is not NOT VALID is verified against every row under ACCESS EXCLUSIVE.",
			Do: "ALTER TABLE t ADD CONSTRAINT c CHECK (…) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;  -- in " +
				"its own transaction",
			Server: "ACCESS EXCLUSIVE while every row is read; NOT VALID reads none; VALIDATE CONSTRAINT holds SHARE " +
				"UPDATE EXCLUSIVE.",
			Unless: "With NOT VALID."},
		{ID: "fk-not-valid", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "A foreign key that is not NOT VALID is checked for every row while writes to both tables wait.",
			Do: "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (…) REFERENCES … NOT VALID;\nALTER TABLE t VALIDATE " +
				"CONSTRAINT c;  -- in its own transaction",
			Server: "SHARE ROW EXCLUSIVE on both tables while every row is checked; NOT VALID checks none; VALIDATE " +
				"holds SHARE UPDATE EXCLUSIVE on one and ROW SHARE on the other.",
			Unless: "With NOT VALID, and in ADD COLUMN of a nullable column without a default."},
		{ID: "unique-constraint", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "The index of a UNIQUE or EXCLUDE constraint is built under ACCESS EXCLUSIVE.",
			Do: "CREATE UNIQUE INDEX CONCURRENTLY i ON t (…);\n" +
				"ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i;",
			Server: "ACCESS EXCLUSIVE while the index is built; USING INDEX builds nothing.",
			Unless: "With USING INDEX."},
		{ID: "add-primary-key", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "The index of a primary key is built under ACCESS EXCLUSIVE, and columns that may be null are " +
				"scanned.",
			Do: "prove NOT NULL first, then:\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (…);\nALTER TABLE t ADD " +
				"CONSTRAINT c PRIMARY KEY USING INDEX i;",
			Server: "ACCESS EXCLUSIVE while the index is built, and a scan when a column may be null, also with " +
				"USING INDEX.",
			Unless: "With USING INDEX on columns that are NOT NULL."},
		{ID: "reindex", Family: report.FamilyLock, Severity: report.SeverityBlock, OutsideTransaction: true,
			Why:    "A plain REINDEX stops writes to the table, and reads through the index.",
			Do:     "REINDEX … CONCURRENTLY",
			Server: "SHARE on the table and ACCESS EXCLUSIVE on the index while it is built.",
			Unless: "With CONCURRENTLY (SHARE UPDATE EXCLUSIVE)."},
		{ID: "vacuum-full", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why:    "VACUUM FULL rewrites the table under ACCESS EXCLUSIVE.",
			Do:     "use pg_repack, or run it in a maintenance window by hand",
			Server: "ACCESS EXCLUSIVE while the table and all its indexes are written anew."},
		{ID: "table-rewrite", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why:    "The table is rewritten under ACCESS EXCLUSIVE.",
			Do:     "use pg_repack, or do it in a maintenance window by hand",
			Server: "ACCESS EXCLUSIVE while the table is written anew.",
			Unless: "When the table is that already: SET LOGGED of a logged table does nothing."},
		{ID: "matview-refresh", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why:    "A plain REFRESH holds ACCESS EXCLUSIVE for as long as its query runs.",
			Do:     "REFRESH MATERIALIZED VIEW CONCURRENTLY v;  -- needs a unique index on v",
			Server: "ACCESS EXCLUSIVE while the query runs; CONCURRENTLY: EXCLUSIVE.", Unless: "With CONCURRENTLY."},
		{ID: "attach-partition", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "ATTACH PARTITION scans the child under ACCESS EXCLUSIVE unless a valid CHECK proves its bound.",
			Do: "add a CHECK (key IS NOT NULL AND key >= … AND key < …) NOT VALID to the child, VALIDATE it in its " +
				"own transaction, then ATTACH",
			Server: "SHARE UPDATE EXCLUSIVE on the parent, ACCESS EXCLUSIVE on the new partition while it is read, " +
				"and on the default partition, which is read too.",
			Unless: "When a valid CHECK implies the bound, NOT NULL included."},
	} {
		all = append(all, Analyzer{r, reportWork})
	}
	return all
}
