package sqlreview

import (
	"fmt"
	"strings"
)

// Explain gives the page of a rule as Markdown, or false when there is no such rule.
func Explain(id string) (string, bool) {
	r, ok := Rules()[id]
	if !ok {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", r.ID)
	fmt.Fprintf(&b, "%s. Family: %s (%s).\n\n", severityWords(r.Severity), r.Family, familyWords(r.Family))
	if r.lowers() {
		fmt.Fprintf(&b, "A team may weigh it otherwise: `review: {rules: {%s: off}}` in `fairlead.yaml`, or info, warn, block.\n\n", r.ID)
	} else if r.Severity != SeverityBlock {
		fmt.Fprintf(&b, "A team may raise it: `review: {rules: {%s: block}}` in `fairlead.yaml`.\n\n", r.ID)
	}
	fmt.Fprintf(&b, "## Why\n\n%s\n\n", r.Why)
	d := details()[r.ID]
	if d.lock != "" {
		fmt.Fprintf(&b, "## What the server does\n\n%s\n\n", d.lock)
		b.WriteString("Compared with real servers of versions 13 to 18 by `make oracle` (see `internal/sqlreview/testdata/oracle`).\n\n")
	}
	fmt.Fprintf(&b, "## When it does not apply\n\n%s\n\n", notApplied(r, d))
	fmt.Fprintf(&b, "## What to do instead\n\n```sql\n%s\n```\n\n", r.Do)
	fmt.Fprintf(&b, "## An exception\n\n")
	if r.ID == badException().ID {
		b.WriteString("None: an exception cannot except itself.\n")
	} else {
		fmt.Fprintf(&b, "```sql\n-- fairlead:allow %s reason=\"why this is safe here\" until=2027-01-31\n```\n\n", r.ID)
		b.WriteString("on a line of its own before the statement, or, without touching the file, `fairlead review waive FINGERPRINT FILE --reason … --until …`.\n")
	}
	return b.String(), true
}

func severityWords(s Severity) string {
	switch s {
	case SeverityBlock:
		return "Blocks"
	case SeverityWarn:
		return "Warns"
	}
	return "Informs"
}

func familyWords(f Family) string {
	switch f {
	case FamilyLoss:
		return "data is gone; sizes never matter"
	case FamilyCompatibility:
		return "the running image breaks; sizes never matter"
	case FamilyLock:
		return "table-size work under a lock; informs only when the table is known to be small"
	case FamilyFailure:
		return "the statement fails"
	case FamilyRerun:
		return "running it twice is not safe"
	case FamilyUnreviewable:
		return "nobody can tell"
	}
	return "something changes that a person should know"
}

func notApplied(r Rule, d detail) string {
	var out []string
	if d.not != "" {
		out = append(out, "- "+d.not)
	}
	switch r.Family {
	case FamilyLock:
		out = append(out, "- On a relation that the same script made: nobody else uses it yet.", "- On a table with fewer rows than `review.small_rows` (100,000), and less than `review.small_mib` (256), when a catalog says so: it informs only.")
	case FamilyLoss, FamilyCompatibility:
		out = append(out, "- On something that the same script made.")
	}
	if len(out) == 0 {
		return "It always applies."
	}
	return strings.Join(out, "\n")
}

// detail is what a page says besides its rule.
type detail struct{ lock, not string }

func details() map[string]detail {
	return map[string]detail{
		"drop-table":               {"ACCESS EXCLUSIVE on the table, on the tables that its foreign keys join, and on the parent of a partition; no work.", "With IF EXISTS, when the catalog says that there is no such table."},
		"drop-column":              {"ACCESS EXCLUSIVE, no work; indexes and constraints on the column vanish, with CASCADE also views.", "With IF EXISTS, when the catalog says that there is no such column."},
		"truncate":                 {"ACCESS EXCLUSIVE on the table and its partitions, with CASCADE on all that refer to it; new empty files.", ""},
		"volatile-default":         {"ACCESS EXCLUSIVE while the table and all its indexes are written anew.", "For constants, now(), CURRENT_TIMESTAMP and STABLE or IMMUTABLE functions: they are computed once."},
		"identity-rewrite":         {"ACCESS EXCLUSIVE while the table and all its indexes are written anew.", ""},
		"set-not-null-scan":        {"ACCESS EXCLUSIVE while every row is read.", "When a valid CHECK implies it, alone or in a conjunction with AND: the scan is skipped."},
		"check-not-valid":          {"ACCESS EXCLUSIVE while every row is read; NOT VALID reads none; VALIDATE CONSTRAINT holds SHARE UPDATE EXCLUSIVE.", "With NOT VALID."},
		"fk-not-valid":             {"SHARE ROW EXCLUSIVE on both tables while every row is checked; NOT VALID checks none; VALIDATE holds SHARE UPDATE EXCLUSIVE on one and ROW SHARE on the other.", "With NOT VALID, and in ADD COLUMN of a nullable column without a default."},
		"validate-same-tx":         {"SHARE UPDATE EXCLUSIVE and a scan; the stronger lock of the earlier statement stays until the commit.", "In a transaction of its own."},
		"unique-constraint":        {"ACCESS EXCLUSIVE while the index is built; USING INDEX builds nothing.", "With USING INDEX."},
		"add-primary-key":          {"ACCESS EXCLUSIVE while the index is built, and a scan when a column may be null, also with USING INDEX.", "With USING INDEX on columns that are NOT NULL."},
		"index-not-concurrent":     {"SHARE on the table, and on each partition, while the index is built: reads go on, writes wait.", "ON ONLY a partitioned table: nothing is built. With IF NOT EXISTS, when the index is there."},
		"drop-index":               {"ACCESS EXCLUSIVE on the table for a moment.", "With CONCURRENTLY (SHARE UPDATE EXCLUSIVE)."},
		"index-without-statistics": {"CREATE INDEX gathers no statistics; ANALYZE reads a sample under SHARE UPDATE EXCLUSIVE.", "When the same file analyses the table, or those columns, afterwards; on a table with fewer rows than `small_rows`."},
		"reindex":                  {"SHARE on the table and ACCESS EXCLUSIVE on the index while it is built.", "With CONCURRENTLY (SHARE UPDATE EXCLUSIVE)."},
		"type-rewrite":             {"ACCESS EXCLUSIVE while the table and all its indexes are written anew.", "varchar(n) to a longer varchar or text, text to varchar, numeric(p,s) to a larger p or to numeric, a longer varbit, timestamp(3) to timestamp(6), cidr to inet, and timestamp to timestamptz in a UTC session."},
		"type-recheck":             {"ACCESS EXCLUSIVE while every row is read, or the index is built.", "When no valid CHECK and no expression or partial index is on the column."},
		"attach-partition":         {"SHARE UPDATE EXCLUSIVE on the parent, ACCESS EXCLUSIVE on the new partition while it is read, and on the default partition, which is read too.", "When a valid CHECK implies the bound, NOT NULL included."},
		"detach-partition":         {"ACCESS EXCLUSIVE on parent and partition (partition on 13: SHARE UPDATE EXCLUSIVE); CONCURRENTLY: SHARE UPDATE EXCLUSIVE on the parent.", ""},
		"partition-of":             {"ACCESS EXCLUSIVE on the parent; a default partition is read.", ""},
		"matview-refresh":          {"ACCESS EXCLUSIVE while the query runs; CONCURRENTLY: EXCLUSIVE.", "With CONCURRENTLY."},
		"vacuum-full":              {"ACCESS EXCLUSIVE while the table and all its indexes are written anew.", ""},
		"table-rewrite":            {"ACCESS EXCLUSIVE while the table is written anew.", "When the table is that already: SET LOGGED of a logged table does nothing."},
		"create-trigger":           {"SHARE ROW EXCLUSIVE for a moment; CREATE RULE: ACCESS EXCLUSIVE.", ""},
		"rls":                      {"ACCESS EXCLUSIVE for a moment.", "When the script or the catalog has a policy for the table: it warns."},
		"rename-table":             {"ACCESS EXCLUSIVE for a moment.", ""},
		"rename-column":            {"ACCESS EXCLUSIVE for a moment, on partitions and children too.", ""},
		"drop-not-null":            {"ACCESS EXCLUSIVE for a moment.", ""},
		"drop-default":             {"ACCESS EXCLUSIVE for a moment.", "When the column may be null: it warns."},
		"session-guard-off":        {"SHARE ROW EXCLUSIVE for a moment.", ""},
		"explicit-lock":            {"The lock that is named, until the transaction ends.", ""},
		"add-required-column":      {"ACCESS EXCLUSIVE and a scan; the first row makes it fail.", "With a default that is not null, or on a table that the script made."},
		"enum-same-tx":             {"No lock on a table.", "When the enum type was made in the same transaction, from version 12 on; fairlead blocks it all the same when it cannot tell."},
		"delete-no-where":          {"ROW EXCLUSIVE, and a lock on every row until the commit.", ""},
		"backfill-no-where":        {"ROW EXCLUSIVE, and a lock on every row until the commit; each row is written anew.", "When the column was there before the script: overwrite-no-where speaks about it."},
		"overwrite-no-where":       {"ROW EXCLUSIVE, and a lock on every row until the commit; each row is written anew.", "On a table that the script made. With a column that the script added, backfill-no-where speaks about it."},
		"concurrently-in-tx":       {"It is refused.", ""},
		"will-fail":                {"It is refused, with the message that is shown.", "Under a condition or exception handler: it may never run."},
	}
}
