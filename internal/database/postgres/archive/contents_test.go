//go:build postgres

package archive

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

// everything has at least one object of each kind that is counted, and of what must not be counted (extension members,
// invalid indexes, clones on partitions).
func everything(t *testing.T) string {
	t.Helper()
	url := servertest.Filled(t)
	servertest.Admin(t, url, `CREATE SCHEMA app`, `CREATE EXTENSION hstore SCHEMA app`,
		`CREATE TYPE app.mood AS ENUM ('a', 'b')`, `CREATE TYPE app.pair AS (x int, y text)`,
		`CREATE TYPE app.span AS RANGE (subtype = int)`, `CREATE DOMAIN app.pos AS int CHECK (VALUE > 0)`,
		`CREATE TABLE app.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k serial UNIQUE, m app.mood, `+
			`p app.pos, note text CHECK (note <> ''), EXCLUDE USING btree (m WITH =))`,
		`CREATE TABLE app.c (t bigint REFERENCES app.t, n int)`, `CREATE INDEX ON app.c (n)`,
		`CREATE INDEX ON app.c ((n + 1)) WHERE n > 5`,
		`ALTER TABLE app.c ADD CONSTRAINT later CHECK (n > 1) NOT VALID`,
		`CREATE TABLE app.part (a int PRIMARY KEY, b int REFERENCES app.t (k)) PARTITION BY RANGE (a)`,
		`CREATE TABLE app.part1 PARTITION OF app.part FOR VALUES FROM (0) TO (10)`,
		`CREATE TABLE app.part2 PARTITION OF app.part FOR VALUES FROM (10) TO (20)`,
		`CREATE INDEX ON app.part (b)`, `CREATE TABLE app.typed OF app.pair`,
		`CREATE VIEW app.v AS SELECT * FROM app.t`, `CREATE TABLE app.vt (id int PRIMARY KEY, x text)`,
		`CREATE VIEW app.circle AS SELECT id, x, count(*) FROM app.vt GROUP BY id`,
		`CREATE MATERIALIZED VIEW app.mv AS SELECT count(*) AS n FROM app.t`, `CREATE UNIQUE INDEX ON app.mv (n)`,
		`CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'`,
		`CREATE FUNCTION app.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
		`CREATE FUNCTION app.et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`,
		`CREATE PROCEDURE app.pr() LANGUAGE sql AS
			'SELECT 1'`, `CREATE AGGREGATE app.agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')`,
		`CREATE TRIGGER tr BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.tr()`,
		`CREATE TRIGGER trp AFTER INSERT ON app.part FOR EACH ROW EXECUTE FUNCTION app.tr()`,
		`CREATE RULE r AS ON DELETE TO app.c DO INSTEAD NOTHING`, `ALTER TABLE app.c ENABLE ROW LEVEL SECURITY`,
		`CREATE POLICY p ON app.c USING (n > 0)`,
		`CREATE SEQUENCE app.s`, `CREATE STATISTICS app.st ON t, n FROM app.c`,
		`CREATE UNLOGGED TABLE app.u (n int PRIMARY KEY)`,
		`CREATE FOREIGN DATA WRAPPER w`, `CREATE SERVER srv FOREIGN DATA WRAPPER w`,
		`CREATE FOREIGN TABLE app.ft (n int) SERVER srv`,
		`CREATE PUBLICATION pub FOR TABLE app.t`, `CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION `+
			`app.et()`,
		`CREATE TABLE app.dup (n int)`, `INSERT INTO app.dup VALUES (1), (1)`,
		`CREATE SCHEMA "DATA"`, `CREATE TABLE "DATA".x (n int)`,
		`CREATE TABLE app."Tab;le 1; 1259 1 TABLE public x" (n int)`)
	broken := "CREATE UNIQUE INDEX CONCURRENTLY dup_n ON app.dup (n)"
	if err := servertest.Try(t, url, broken); err == nil {
		t.Fatal("the index is no invalid one")
	}
	return url
}

func TestDump_counts_every_kind_of_object_as_the_archive_has_it(t *testing.T) {
	url := everything(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	for _, k := range kinds() {
		if dump.Contents[k.plural] == 0 {
			t.Errorf("no %s are counted in the catalog", k.plural)
		}
	}
	if dump.Contents[largeObjects] != 1 {
		t.Errorf("large objects: %d are counted, want 1", dump.Contents[largeObjects])
	}
	toc, rows := listed(t, d, archive, dump)
	toc[largeObjects] = rows
	for name, n := range dump.Contents {
		// views in circles, public before 15
		if got := toc[name]; got < n || got > n && name != "rules" && name != "schemas" {
			t.Errorf("%s: the archive has %d, the catalog %d", name, got, n)
		}
	}
	if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err != nil {
		t.Error(err)
	}
	for name := range dump.Contents {
		more := dump
		more.Contents = map[string]int64{name: toc[name] + 1}
		if err := d.Verify(t.Context(), bytes.NewReader(archive), more); err == nil {
			t.Errorf("an archive that lacks one of the %s passes", name)
		}
	}
}

// listed counts as Verify does.
func listed(t *testing.T, d *Archive, archive []byte, dump database.Dump) (map[string]int64, int64) {
	t.Helper()
	program, err := d.server.Tool(t.Context(), "pg_restore", server.LeadingNumber(dump.Dumper))
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.list(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = l.Write(archive)
	found, err := l.done()
	if err != nil {
		t.Fatal(err)
	}
	return found, 1
}

func TestCompare_finds_everything_in_a_restored_copy_and_what_is_not_there(t *testing.T) {
	url := everything(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	name := servertest.Unused(t, d)
	if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	if err := d.Restore(t.Context(), name, bytes.NewReader(archive),
		database.RestoreOptions{Owners: true}); err != nil {
		t.Fatal(err)
	}
	if err := d.Compare(t.Context(), name, dump); err != nil {
		t.Errorf("a whole copy differs: %v", err)
	}
	copied := servertest.Server.URL("owner", strings.NewReplacer("%", "%25", " ", "%20", `"`, "%22", "'", "%27", "=",
		"%3D").Replace(name))
	servertest.Admin(t, copied, `DELETE FROM public.orders WHERE id = 7`, `DROP TRIGGER tr ON app.t`)
	if err := d.Compare(t.Context(), name, dump); err == nil || !strings.Contains(err.Error(),
		"public.orders has 19999 rows") || !strings.Contains(err.Error(), "triggers") {
		t.Errorf("a copy that lacks a row and a trigger gives %v", err)
	}
}

func TestGlobals_give_the_roles_without_passwords_also_to_a_plain_role(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, `ALTER DATABASE `+servertest.Ask[string](t, url, "SELECT current_database()")+
		` SET app.greeting = 'it''s; me'`)
	for who, url := range map[string]string{"a superuser": url, "a plain role": servertest.Role(t, url)} {
		var out bytes.Buffer
		missing, err := opened(t, url).Globals(t.Context(), &out)
		if err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if !strings.Contains(text, "CREATE ROLE owner") || !strings.Contains(text, `TO 'it''s; me'`) ||
			!strings.Contains(text, "OWNER TO") {
			t.Errorf("%s gets %s", who, text)
		}
		if strings.Contains(text, "SCRAM") || strings.Contains(text, "PASSWORD") {
			t.Errorf("%s gets a password: %s", who, text)
		}
		if len(missing) == 0 {
			t.Error("nothing is said to be missing, but passwords are")
		}
	}
}

func TestGlobals_are_read_from_the_catalog_where_pg_dumpall_is_missing(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Role(t, url)
	path := servertest.Wrapper(t, `exec "$real" "$@"`) // a folder with pg_dump and pg_restore alone
	var out bytes.Buffer
	missing, err := opened(t, url, func(c *server.Config) { c.PgDump = path }).Globals(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "CREATE ROLE owner SUPERUSER") || !slices.ContainsFunc(missing,
		func(s string) bool { return strings.Contains(s, "pg_dumpall") }) {
		t.Errorf("it gives %s\nand says that %q is missing", out.String(), missing)
	}
}

func TestSince_counts_the_rows_written_after_the_snapshot(t *testing.T) {
	url := servertest.Filled(t)
	d := opened(t, url)
	dump, _ := dumped1(t, d)
	mark := database.Mark{At: dump.At, LSN: dump.LSN, Timeline: dump.Timeline, Activity: dump.Activity}
	servertest.Admin(t, url, `INSERT INTO public.orders SELECT n, 'x' FROM generate_series(1, 1325) n`)
	var gap database.Gap
	for range 40 { // the server's statistics come a little late
		var err error
		if gap, err = d.Since(context.Background(), mark); err != nil {
			t.Fatal(err)
		}
		if gap.Rows >= 1325 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if gap.Rows < 1325 || gap.Tables["public.orders"] < 1325 || gap.Seconds <= 0 || gap.Log < 10_000 ||
		!strings.Contains(gap.Archive, "archive_mode is off") {
		t.Errorf("the gap is %+v", gap)
	}
	p, err := d.RestorePoint(t.Context(), "r-one")
	if err != nil || p.Name != "" || !strings.Contains(p.Why, "archive_mode is off") {
		t.Errorf("the restore point is %+v, error %v", p, err)
	}
	t.Logf("%+v", gap)
}

func TestContents_locale_and_archive_can_be_asked_of_every_version(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, `CREATE TABLE public.t (id int PRIMARY KEY, n int REFERENCES public.t)`,
		`CREATE INDEX ON public.t (n)`, `CREATE VIEW public.v AS SELECT * FROM public.t`)
	d := opened(t, url)
	name := servertest.Unused(t, d)
	if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	err := d.server.With(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
		all, err := contents(ctx, conn)
		if err != nil {
			return err
		}
		for kind, n := range map[string]int64{"tables": 1, "views": 1, "indexes": 1, "constraints": 1,
			"foreign keys": 1} {
			if all[kind] != n {
				t.Errorf("%d %s are counted, want %d", all[kind], kind, n)
			}
		}
		l, err := Locale(ctx, conn)
		if err != nil || l.Encoding != "UTF8" {
			t.Errorf("the locale is %+v, %v", l, err)
		}
		_, err = archiving(ctx, conn)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Since(t.Context(), database.Mark{At: time.Now(), LSN: "0/0"}); err != nil {
		t.Error(err)
	}
}
