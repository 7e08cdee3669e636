package sqlreview

import (
	"fmt"
	"strings"
	"testing"
)

// efBlock is a statement as EF Core's idempotent scripts write it.
func efBlock(id, sql string) string {
	return fmt.Sprintf("DO $EF$\nBEGIN\n    IF NOT EXISTS(SELECT 1 FROM \"__EFMigrationsHistory\" WHERE \"MigrationId\" = '%s') THEN\n    %s\n    END IF;\nEND $EF$;\n", id, sql)
}

func TestHistory_passes_over_what_is_applied(t *testing.T) {
	c := baseCatalog()
	c.Histories = []History{{"public", "__EFMigrationsHistory", []string{"1_old"}}}
	bare := baseCatalog()
	for name, x := range map[string]struct {
		catalog *Catalog
		sql     string
		want    string
	}{
		"an old block":                          {c, efBlock("1_old", "DROP TABLE orders;"), ""},
		"a new block":                           {c, efBlock("2_new", "DROP TABLE orders;"), "block:drop-table"},
		"a history that is not known":           {bare, efBlock("1_old", "DROP TABLE orders;"), "block:drop-table"},
		"no catalog":                            {nil, efBlock("1_old", "DROP TABLE orders;"), "block:drop-table"},
		"something after the question":          {c, strings.Replace(efBlock("1_old", "SELECT 1;"), "END IF;", "END IF; DROP TABLE orders;", 1), "block:drop-table"},
		"a second question":                     {c, strings.Replace(efBlock("1_old", "SELECT 1;"), "END IF;", "END IF; DROP TABLE orders; IF true THEN SELECT 1; END IF;", 1), "block:drop-table"},
		"an ELSE":                               {c, strings.Replace(efBlock("1_old", "SELECT 1;"), "END IF;", "ELSE DROP TABLE orders; END IF;", 1), "block:drop-table"},
		"an index on a table of the same block": {c, efBlock("2_new", "CREATE TABLE \"T\"(\"Id\" int);") + efBlock("2_new", "CREATE INDEX \"I\" ON \"T\"(\"Id\");"), ""},
		"a failure that is certain":             {c, efBlock("2_new", "ALTER TABLE orders DROP COLUMN nowhere;"), "block:drop-column block:will-fail"},
		"recorded twice in one script": {c, efBlock("2_new", "CREATE TABLE n(i int);") + efBlock("2_new", "INSERT INTO \"__EFMigrationsHistory\" (\"MigrationId\", \"ProductVersion\") VALUES ('2_new', '9');") +
			efBlock("2_new", "DROP TABLE orders;"), ""},
	} {
		r := Review(Input{Files: []File{{"m.sql", []byte("\ufeff" + x.sql)}}, Catalog: x.catalog, Policy: Policy{AssumeRows: 1e7}})
		if got := rulesOf(r); got != x.want {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
		if r.Coverage.Reviewed != r.Coverage.Total {
			t.Errorf("%s: coverage %+v", name, r.Coverage)
		}
	}
}
