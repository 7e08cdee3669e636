package sqlreview

import (
	"fmt"
	"strings"
	"testing"
)

// efBlock is a statement as EF Core's idempotent scripts write it.
func efBlock(id, sql string) string {
	return fmt.Sprintf("DO $EF$\nBEGIN\n    IF NOT EXISTS(SELECT 1 FROM \"__EFMigrationsHistory\" WHERE "+
		"\"MigrationId\" = '%s') THEN\n    %s\n    END IF;\nEND $EF$;\n", id, sql)
}

func TestHistory_passes_over_what_is_applied(t *testing.T) {
	c := baseCatalog()
	c.Histories = []History{{Schema: "public", Table: "__EFMigrationsHistory", Applied: []string{"1_old"}},
		{Schema: "public", Table: "ef_history", Applied: []string{"1_old"}}}
	bare := baseCatalog()
	for name, x := range map[string]struct {
		catalog *Catalog
		sql     string
		want    string
	}{
		"an old block":                {c, efBlock("1_old", "DROP TABLE orders;"), ""},
		"a new block":                 {c, efBlock("2_new", "DROP TABLE orders;"), "block:drop-table"},
		"a history that is not known": {bare, efBlock("1_old", "DROP TABLE orders;"), "block:drop-table"},
		"no catalog":                  {nil, efBlock("1_old", "DROP TABLE orders;"), "block:drop-table"},
		"something after the question": {c, strings.Replace(efBlock("1_old", "SELECT 1;"), "END IF;",
			"END IF; DROP TABLE orders;", 1), "block:drop-table"},
		"a second question": {c, strings.Replace(efBlock("1_old", "SELECT 1;"), "END IF;",
			"END IF; DROP TABLE orders; IF true THEN SELECT 1; END IF;", 1), "block:drop-table"},
		"a table of another name": {c, strings.ReplaceAll(efBlock("1_old", "DROP TABLE orders;"),
			`"__EFMigrationsHistory" WHERE "MigrationId"`, `ef_history WHERE migration_id`), ""},
		"a CASE with an ELSE": {c,
			efBlock("1_old", "UPDATE orders SET total = CASE WHEN total > 0 THEN 1 ELSE 2 END;"), ""},
		"an IF inside": {c, efBlock("1_old", "IF NOT EXISTS(SELECT 1 FROM pg_namespace "+
			"WHERE nspname = 'x') THEN CREATE SCHEMA x; END IF; DROP TABLE orders;"), ""},
		"an ELSE": {c, strings.Replace(efBlock("1_old", "SELECT 1;"), "END IF;",
			"ELSE DROP TABLE orders; END IF;", 1), "block:drop-table"},
		"an index on a table of the same block": {c, efBlock("2_new", "CREATE TABLE \"T\"(\"Id\" int);") +
			efBlock("2_new", "CREATE INDEX \"I\" ON \"T\"(\"Id\");"), ""},
		"a failure that is certain": {c, efBlock("2_new", "ALTER TABLE orders DROP COLUMN nowhere;"),
			"block:drop-column block:will-fail"},
		"recorded twice in one script": {c, efBlock("2_new", "CREATE TABLE n(i int);") + efBlock("2_new",
			"INSERT INTO \"__EFMigrationsHistory\" (\"MigrationId\", \"ProductVersion\") VALUES ('2_new', '9');") +
			efBlock("2_new", "DROP TABLE orders;"), ""},
	} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("\ufeff" + x.sql)}}, Catalog: x.catalog,
			Policy: Policy{AssumeRows: 1e7}})
		if got := rulesOf(r); got != x.want {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
		if r.Coverage.Reviewed != r.Coverage.Total {
			t.Errorf("%s: coverage %+v", name, r.Coverage)
		}
	}
}

func TestTool_is_named_in_the_advice(t *testing.T) {
	const index = "CREATE INDEX i ON orders(total);"
	for file, c := range map[string]struct{ sql, want string }{
		"a.sql": {efBlock("2", index), "EF Core"},
		"b.sql": {"BEGIN;\n-- Running upgrade\n" + index +
			"\nUPDATE alembic_version SET version_num='2';\nCOMMIT;", "autocommit_block"},
		"c.sql": {"BEGIN;\n--\n-- Create index i on field(s) total of model order\n--\n" +
			index + "\nCOMMIT;", "AddIndexConcurrently"},
		"20260101_x/migration.sql":        {"-- CreateIndex\n" + index, "Prisma"},
		"db/V12__add_index.sql":           {index, "executeInTransaction=false"},
		"000012_add_index.up.sql":         {index, "golang-migrate"},
		"2026-01-01-000000_add_i/up.sql":  {index, "metadata.toml"},
		"somebody/wrote/this/by_hand.sql": {index, ""},
	} {
		r := Review(Input{Files: []File{{Name: file, SQL: []byte(c.sql)}}, Catalog: baseCatalog(),
			Policy: Policy{AssumeRows: 1e7}})
		do := ""
		for _, f := range r.Findings {
			if f.Rule == "index-not-concurrent" {
				do = f.Do
			}
		}
		if do == "" || !strings.Contains(do, c.want) || c.want == "" && strings.Contains(do, "\n-- ") {
			t.Errorf("%s: the advice is %q, want %q in it", file, do, c.want)
		}
	}
}

func TestReview_says_nothing_about_units_that_are_in_place(t *testing.T) {
	const sql = "ALTER TABLE orders ADD COLUMN total int; CREATE INDEX CONCURRENTLY orders_state_idx ON " +
		"orders(state); DROP TABLE customers;"
	for n, want := range []string{"block:will-fail block:will-fail block:drop-table",
		"block:will-fail block:drop-table", "block:drop-table", ""} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: baseCatalog(), InPlace: n,
			Policy: Policy{AssumeRows: 1e7}})
		if got := rulesOf(r); got != want || r.Coverage != (Coverage{Reviewed: 3, Total: 3}) {
			t.Errorf("with %d units in place: %s, %+v; want %s", n, got, r.Coverage, want)
		}
	}
}

func TestTool_that_sends_a_file_as_one_query_is_warned_of(t *testing.T) {
	const two = "CREATE TABLE n(i int);\nCREATE INDEX CONCURRENTLY orders_total_idx ON orders(total);"
	for name, c := range map[string]struct{ file, sql, want string }{
		"two statements":         {"000012_x.up.sql", two, "warn:tool-transaction"},
		"two statements, Prisma": {"20260101_x/migration.sql", two, "warn:tool-transaction"},
		"one statement": {"000012_x.up.sql", "CREATE INDEX CONCURRENTLY orders_total_idx ON orders(total);",
			""},
		"by hand":                 {"indexes.sql", two, ""},
		"a tool that splits them": {"V2__x.sql", two, ""},
	} {
		r := Review(Input{Files: []File{{Name: c.file, SQL: []byte(c.sql)}}, Catalog: baseCatalog(),
			Policy: Policy{AssumeRows: 1e7}})
		got := ""
		for _, f := range r.Findings {
			if f.Rule == "tool-transaction" {
				got = string(f.Severity) + ":" + f.Rule
			}
		}
		if got != c.want || r.Verdict == Block {
			t.Errorf("%s: got %q (%s), want %q", name, got, r.Verdict, c.want)
		}
	}
}
