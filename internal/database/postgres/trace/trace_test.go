//go:build postgres

package trace

import (
	"context"
	"errors"
	"strings"
	"testing"

	"fairlead/internal/database/postgres/catalog"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// traced tries a script on a scratch database and gives the report with it.
func traced(t *testing.T, base, sql string) sqlreview.Report {
	t.Helper()
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "COMMENT ON DATABASE "+url[strings.LastIndexByte(url, '/')+1:strings.IndexByte(url,
		'?')]+" IS 'a copy, fairlead scratch'", base)
	d := opened(t, url)
	c, err := catalog.New(d).Catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r := sqlreview.Review(sqlreview.Input{Files: []sqlreview.File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: c})
	script, err := sqltext.Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	trace, _, err := Run(context.Background(), d, script, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sqlreview.WithTrace(r, "m.sql", trace)
}

func rules(r sqlreview.Report) string {
	var out []string
	for _, f := range r.Findings {
		if f.Evidence == "trace" {
			out = append(out, string(f.Severity)+":"+f.Rule)
		}
	}
	return strings.Join(out, " ")
}

func TestTrace_refuses_a_database_that_is_not_marked(t *testing.T) {
	url := servertest.Fresh(t)
	script, _ := sqltext.Parse([]byte("CREATE TABLE a(i int)"))
	_, _, err := Run(context.Background(), opened(t, url), script, Options{})
	if !errors.Is(err, ErrNotScratch) {
		t.Errorf("got %v, want ErrNotScratch", err)
	}
	if servertest.Ask[bool](t, url, "SELECT to_regclass('a') IS NOT NULL") {
		t.Error("it was tried all the same")
	}
}

func TestTrace_tells_what_the_server_did_and_marks_what_differs(t *testing.T) {
	const base = "CREATE TABLE a(i int, v text); INSERT INTO a VALUES (1, NULL); CREATE FUNCTION quiet() RETURNS " +
		"int LANGUAGE sql VOLATILE AS 'SELECT 1'"
	for name, c := range map[string]struct{ sql, want string }{
		"nothing differs, and it can be run again": {"CREATE TABLE IF NOT EXISTS b(i int); ALTER TABLE a ADD " +
			"COLUMN IF NOT EXISTS n int;", ""},
		"an atomic script is not run again in earnest": {"CREATE TABLE b(i int);", "info:trace-rerun"},
		"a row makes it fail": {"ALTER TABLE a ALTER COLUMN v SET NOT NULL;",
			"block:trace-failed"},
		"a volatile function that is inlined": {"ALTER TABLE a ADD COLUMN n int DEFAULT quiet();",
			"warn:trace-disagrees info:trace-rerun"},
		"a statement in no transaction": {"CREATE INDEX CONCURRENTLY IF NOT EXISTS a_i ON a(i);", ""},
		"a guard that is none the second time": {"INSERT INTO a VALUES (2, 'x'); DO $$ BEGIN IF (SELECT " +
			"count(*) FROM a WHERE i = 2) > 1 THEN RAISE 'twice'; END IF; END $$;", "info:trace-rerun"},
		"rows by COPY": {"COPY a FROM stdin;\n3\tx\n\\.\n", ""},
	} {
		r := traced(t, base, c.sql)
		if got := rules(r); got != c.want {
			t.Errorf("%s: got %q, want %q: %+v", name, got, c.want, r.Traces)
		}
		if n := len(r.Traces[0].Trace.Statements); n == 0 || r.Traces[0].Trace.Again == nil {
			t.Errorf("%s: %d statements were observed, again: %v", name, n, r.Traces[0].Trace.Again)
		}
	}
}
