//go:build postgres

package alone

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// base is a schema with a secret in a row, a function whose volatility is no rewrite, and statistics.
var base = []string{orders, "CREATE TABLE public.people (id bigint PRIMARY KEY, name text)",
	"INSERT INTO public.people VALUES (1, 'Ada Nobody-Knows')",
	"CREATE FUNCTION public.quiet() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'", "ANALYZE"}

const (
	indexSQL    = "CREATE INDEX IF NOT EXISTS people_name ON public.people (name);"
	volatileSQL = "ALTER TABLE public.people ADD COLUMN IF NOT EXISTS n int DEFAULT public.quiet();"
	lowers      = "review: {small_rows: 0, trace: lowers}\n"
)

// scratch makes a copy of the shop's schema and gives its URL in SCRATCH_URL.
func scratch(t *testing.T, marked bool, statements ...string) *shop {
	t.Helper()
	c := open(t)
	c.sql(statements...)
	if marked {
		name := c.url[strings.LastIndexByte(c.url, '/')+1 : strings.IndexByte(c.url, '?')]
		c.sql("COMMENT ON DATABASE " + name + " IS 'a copy, fairlead scratch'")
	}
	t.Setenv("SCRATCH_URL", c.url)
	return c
}

func TestCatalog_dump_is_stable_holds_no_row_and_needs_only_a_login(t *testing.T) {
	s := open(t)
	s.sql(base...)
	s.sql("CREATE ROLE reader LOGIN PASSWORD 's3cr:et-pa-ss'")
	defer s.sql("DROP ROLE reader")
	t.Setenv("READER_URL", strings.Replace(s.url, "owner:", "reader:", 1))
	s.must(0, words("catalog dump --database env:READER_URL -o reader.json"), "reader.json: 2 relations, 1 functions")
	s.must(0, words("catalog dump -o owner.json"), "owner.json: 2 relations")
	reader, err := os.ReadFile(filepath.Join(s.dir, "reader.json"))
	if err != nil {
		t.Fatal(err)
	}
	owner, err := os.ReadFile(filepath.Join(s.dir, "owner.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(reader) != string(owner) {
		t.Errorf("two dumps differ:\n%s\n%s", reader, owner)
	}
	if strings.Contains(string(reader), "Ada") || strings.Contains(string(reader), "s3cr") {
		t.Errorf("it holds a row or a password:\n%s", reader)
	}
	s.write("i.sql", indexSQL)
	s.must(0, words("review --catalog reader.json i.sql"), "info: building this index")
	s.must(3, words("review i.sql"), "block: building this index", "without a catalog, so doubt blocks")
	s.must(1, words("catalog dump --database env:NOT_SET"), "the variable NOT_SET is not set")
	s.must(1, words("catalog dump --database postgres://nobody@127.0.0.1:1/x"), "database-unread")
}

func TestReview_follows_the_database_and_the_team(t *testing.T) {
	s := open(t, "review: {small_rows: 0}\n")
	s.sql(base...)
	s.write("i.sql", indexSQL)
	s.write("drop.sql", "ALTER TABLE public.people DROP COLUMN name;")
	s.must(3, words("review --database config i.sql"), "block: building this index")
	s.must(3, words("migrate plan i.sql"), "migration-unsafe")
	s.write("warns.yaml", strings.Replace(s.read("fairlead.yaml"), "small_rows: 0",
		"small_rows: 0, rules: {index-not-concurrent: warn}", 1))
	s.must(0, words("--config warns.yaml review --database config i.sql"), "warn: building this index")
	s.must(0, words("--config warns.yaml migrate plan i.sql"), "1 findings")
	s.write("off.yaml", strings.Replace(s.read("fairlead.yaml"), "small_rows: 0", "rules: {drop-column: off}", 1))
	s.must(1, words("--config off.yaml migrate plan i.sql"), "drop-column is about lost data")
	s.must(3, words("review --database config drop.sql"), "block: this drops column people.name")
}

func TestReview_trace_refuses_a_database_without_the_mark(t *testing.T) {
	s := open(t)
	s.sql(base...)
	c := scratch(t, false, base...)
	s.write("i.sql", indexSQL)
	s.must(1, words("review --trace env:SCRATCH_URL i.sql"), "not-scratch", "nothing was tried", "COMMENT ON DATABASE")
	if n := c.count("SELECT count(*) FROM pg_class WHERE relname = 'people_name'"); n != 0 {
		t.Error("it was tried all the same")
	}
}

func TestReview_trace_marks_what_it_disproves_and_lowers_it_only_on_the_same_shape(t *testing.T) {
	for name, x := range map[string]struct {
		config string
		copied []string
		exit   int
		args   string
		says   []string
	}{
		"the same shape, and a policy that lowers": {lowers, base, 0, "--database config",
			[]string{"warn: ", "it would be block", "on a copy of this shape"}},
		"the same shape, and no such policy": {"review: {small_rows: 0}\n", base, 3, "--database config",
			[]string{"block: ", "a trial saw no such work"}},
		"another shape": {lowers,
			append([]string{"CREATE TABLE public.more (i int)"}, base...), 3, "--database config",
			[]string{"block: ", "a trial saw no such work"}},
		"no catalog but the copy's own": {lowers, base, 3, "",
			[]string{"block: ", "a trial saw no such work"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, x.config)
			s.sql(base...)
			scratch(t, true, x.copied...)
			s.write("v.sql", volatileSQL)
			s.must(x.exit, words("review "+x.args+" --trace env:SCRATCH_URL v.sql"),
				append(x.says, "volatile-default", "trace-disagrees")...)
		})
	}
}

func TestReview_trace_sees_work_on_an_empty_copy(t *testing.T) {
	s := open(t, lowers)
	s.sql(base...)
	scratch(t, true, append(append([]string{}, base...), "TRUNCATE public.people", "ANALYZE")...)
	for file, sql := range map[string]string{
		"index.sql":   indexSQL,
		"null.sql":    "ALTER TABLE public.people ALTER COLUMN name SET NOT NULL;",
		"check.sql":   "ALTER TABLE public.people ADD CONSTRAINT k CHECK (name <> 'x');",
		"rewrite.sql": "ALTER TABLE public.people ALTER COLUMN name TYPE varchar(50);",
	} {
		s.write(file, sql)
		if a := s.must(3, words("review --database config --trace env:SCRATCH_URL "+file),
			"block: "); strings.Contains(a.out, "a trial saw no such work") {
			t.Errorf("%s: an empty table hides the work:\n%s", file, a)
		}
		scratch(t, true, append(append([]string{}, base...), "TRUNCATE public.people", "ANALYZE")...)
	}
}

func (s *shop) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}
