//go:build real

package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/database"
)

func filled(t *testing.T) string {
	t.Helper()
	url := fresh(t)
	admin(t, url,
		`CREATE TABLE public.orders (id int, note text)`,
		`INSERT INTO public.orders SELECT n, md5(n::text) || E'\n\\.\nCOPY public.x (a) FROM stdin;\n\ttab' FROM generate_series(1, 20000) n`,
		`CREATE SCHEMA "Odd schema"`,
		`CREATE TABLE "Odd schema"."a.b ""c"" (d" ("select" int, "é" text)`,
		`INSERT INTO "Odd schema"."a.b ""c"" (d" VALUES (1, 'ü'), (2, NULL), (3, '')`,
		`CREATE TABLE public.empty (n int)`,
		`CREATE TABLE public.parts (n int) PARTITION BY RANGE (n)`,
		`CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES FROM (0) TO (10)`,
		`CREATE TABLE public.parts_2 PARTITION OF public.parts FOR VALUES FROM (10) TO (20)`,
		`INSERT INTO public.parts SELECT generate_series(5, 14)`,
		`CREATE TABLE public.parent (n int)`,
		`CREATE TABLE public.child () INHERITS (public.parent)`,
		`INSERT INTO public.child VALUES (1), (2)`,
		`CREATE TABLE public.nothing ()`,
		`INSERT INTO public.nothing DEFAULT VALUES`,
		`CREATE UNLOGGED TABLE public.unlogged AS SELECT 1 AS n`,
		`CREATE MATERIALIZED VIEW public.mat AS SELECT count(*) FROM public.orders`,
		`CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $$ SELECT '
COPY public.fake (a) FROM stdin;
1
\.
' $$`,
		`SELECT lo_from_bytea(0, 'large')`)
	return url
}

func dumped1(t *testing.T, d *Database) (database.Dump, []byte) {
	t.Helper()
	var out bytes.Buffer
	dump, err := d.Dump(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	return dump, out.Bytes()
}

func TestDump_is_verified_with_the_rows_of_its_own_snapshot(t *testing.T) {
	url := filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	want := map[string]int64{"public.orders": 20000, `"Odd schema"."a.b ""c"" (d"`: 3, "public.empty": 0, "public.parts_1": 5, "public.parts_2": 5,
		"public.parent": 0, "public.child": 2, "public.nothing": 1, "public.unlogged": 1}
	for name, n := range want {
		if dump.Tables[name] != n {
			t.Errorf("%s has %d rows in the counts, want %d", name, dump.Tables[name], n)
		}
	}
	if len(dump.Tables) != len(want) {
		t.Errorf("there are %d tables, want %d: %v", len(dump.Tables), len(want), dump.Tables)
	}
	if dump.System == "" || dump.Timeline != 1 || dump.LSN == "" || dump.At.IsZero() || dump.Extensions["plpgsql"] == "" || !strings.HasPrefix(dump.Dumper, dump.Server[:2]) {
		t.Errorf("the description lacks facts: %+v", dump)
	}
	if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err != nil {
		t.Errorf("a good archive is refused: %v", err)
	}
}

func TestDump_counts_in_the_snapshot_while_others_write(t *testing.T) {
	url := filled(t)
	verifiedWhileOthersWrite(t, opened(t, url), url, "INSERT INTO public.orders SELECT 1, 'x' FROM generate_series(1, 100)")
}

// verifiedWhileOthersWrite takes and verifies a dump of a database into which the statements write all the time.
func verifiedWhileOthersWrite(t *testing.T, d *Database, url string, statements ...string) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				admin(t, url, statements...)
			}
		}
	}()
	dump, archive := dumped1(t, d)
	close(stop)
	<-stopped
	if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err != nil {
		t.Errorf("the archive of a live database is refused: %v", err)
	}
}

func TestVerify_refuses_flipped_bits_and_cuts(t *testing.T) {
	url := filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	random := rand.New(rand.NewPCG(1, 2))
	body := len(archive) / 5 // the table of contents is before; only the hash protects its texts
	for range 12 {
		bad := bytes.Clone(archive)
		at := body + random.IntN(len(bad)-body-2000)
		bad[at] ^= 1 << random.IntN(8)
		if err := d.Verify(t.Context(), bytes.NewReader(bad), dump); err == nil {
			t.Errorf("a flipped bit at %d of %d passes", at, len(bad))
		}
	}
	for _, at := range []int{0, 1, 4, 100, body, len(archive) / 2, len(archive) - 1000, len(archive) - 1} {
		if err := d.Verify(t.Context(), bytes.NewReader(archive[:at]), dump); err == nil {
			t.Errorf("a cut after %d of %d bytes passes", at, len(archive))
		}
	}
	t.Logf("archive of %d bytes, 12 flips and 8 cuts", len(archive))
}

func TestVerify_refuses_an_archive_that_holds_something_else(t *testing.T) {
	url := filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	for name, change := range map[string]func(map[string]int64){
		"a row more":   func(m map[string]int64) { m["public.orders"]-- },
		"a table less": func(m map[string]int64) { m["public.other"] = 0 },
		"a table more": func(m map[string]int64) { delete(m, "public.empty") },
	} {
		was := dump.Tables
		dump.Tables = map[string]int64{}
		for k, v := range was {
			dump.Tables[k] = v
		}
		change(dump.Tables)
		if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err == nil {
			t.Errorf("%s passes", name)
		} else {
			t.Log(err)
		}
		dump.Tables = was
	}
	broken := io.MultiReader(bytes.NewReader(archive[:len(archive)/2]), failing{})
	if err := d.Verify(t.Context(), broken, dump); !errors.Is(err, errDisk) {
		t.Errorf("a store that fails in the middle gives %v", err)
	}
	if err := d.Verify(t.Context(), io.MultiReader(bytes.NewReader(archive), bytes.NewReader(make([]byte, 1<<20))), dump); err == nil {
		t.Error("an archive with something behind its end passes")
	}
}

var errDisk = errors.New("the disk is broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestDump_fails_when_pg_dump_is_killed_or_the_store_is_full(t *testing.T) {
	d := opened(t, filled(t))
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := d.Dump(ctx, writer(func(p []byte) (int, error) { cancel(); return len(p), nil })); err == nil {
		t.Error("a dump that was stopped is a success")
	}
	if _, err := d.Dump(t.Context(), writer(func([]byte) (int, error) { return 0, errDisk })); !errors.Is(err, errDisk) {
		t.Errorf("a full store gives %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestDump_says_what_it_waited_for(t *testing.T) {
	url := fresh(t)
	admin(t, url, "CREATE TABLE public.effect (n int)")
	weak := role(t, url)
	_, err := opened(t, weak).Dump(t.Context(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a role that may not read gives %v", err)
	}
	facts, err := opened(t, weak).Preflight(t.Context())
	if err != nil || !strings.Contains(strings.Join(facts.Problems, "\n"), "may not read public.effect") {
		t.Errorf("the facts' problems are %q, error %v", facts.Problems, err)
	}
}

func TestDump_shows_the_password_in_no_argument_and_no_environment(t *testing.T) {
	d := opened(t, filled(t))
	looked, children := false, 0
	_, err := d.Dump(t.Context(), writer(func(p []byte) (int, error) {
		if !looked {
			looked = true
			children = secretsIn(t, testPassword)
		}
		return len(p), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if children == 0 {
		t.Error("no pg_dump was seen, so nothing was looked at")
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), hiddenPrefix+"*")); len(left) > 0 {
		t.Errorf("password files are left: %v", left)
	}
}

// secretsIn looks through every process's arguments and environment and counts the pg_dump among them.
func secretsIn(t *testing.T, secret string) (dumps int) {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		argv, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if bytes.Contains(argv, []byte(secret)) || bytes.Contains(environ, []byte(secret)) {
			t.Errorf("the password stands in %s (%s)", dir, argv)
		}
		if bytes.Contains(argv, []byte("pg_dump\x00")) && len(environ) > 0 {
			dumps++
			if bytes.Contains(environ, []byte("PGPASSWORD")) || !bytes.Contains(environ, []byte("PGPASSFILE=/proc/self/fd/")) {
				t.Errorf("pg_dump's environment is %q", environ)
			}
		}
	}
	return dumps
}

func TestHiddenFile_is_readable_by_its_owner_only_and_goes(t *testing.T) {
	path, done, err := hiddenFile("*:*:*:*:x\n")
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, error %v", st.Mode(), err)
	}
	done()
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is left: %v", err)
	}
}

func TestPreflight_tells_what_it_sees_and_changes_nothing(t *testing.T) {
	url := fresh(t)
	admin(t, url, "CREATE TABLE public.effect (n int)")
	d := opened(t, url)
	f, err := d.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Problems) > 0 || f.Major < 13 || f.System == "" || f.Timeline != 1 || f.Role != "owner" || f.Size == 0 || f.Standby || f.Ledger != "" || f.Dumper == "" || f.Now.IsZero() {
		t.Errorf("the facts are %+v", f)
	}
	if !strings.Contains(strings.Join(f.Notes, "\n"), "archive_mode is off") {
		t.Errorf("the notes are %q", f.Notes)
	}
	if n := ask[int](t, url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'"); n != 0 {
		t.Error("it created the schema")
	}
	if err := d.Raise(t.Context(), number(7)); err != nil {
		t.Fatal(err)
	}
	if f, err = d.Preflight(t.Context()); err != nil || f.Ledger != "ledger-a" || f.Fence != 7 {
		t.Errorf("after raising it knows ledger %q, number %d, error %v", f.Ledger, f.Fence, err)
	}
}

func TestPreflight_refuses_old_transactions_and_running_dumps(t *testing.T) {
	url := fresh(t)
	admin(t, url, "CREATE TABLE public.effect (n int)")
	defer holdOld(t, url)()
	defer holdOld(t, url+"&application_name=pg_dump")()
	time.Sleep(300 * time.Millisecond)
	f, err := opened(t, url, func(c *Config) { c.MaxOpenTransaction = 200 * time.Millisecond }).Preflight(t.Context())
	all := strings.Join(f.Problems, "\n")
	if err != nil || !strings.Contains(all, "another dump is running") || !strings.Contains(all, "INSERT INTO public.effect") {
		t.Errorf("the problems are %q, error %v", f.Problems, err)
	}
}

func TestPreflight_refuses_an_older_pg_dump_and_says_what_it_knows(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "pg_dump")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := opened(t, fresh(t), func(c *Config) { c.PgDump = config.Path(old) })
	f, err := d.Preflight(t.Context())
	if !errors.Is(err, database.ErrVersion) || f.Dumper != "9.6.24" || f.Server == "" {
		t.Errorf("it gives %v with %+v", err, f)
	}
	if _, err := d.Dump(t.Context(), io.Discard); !errors.Is(err, database.ErrVersion) {
		t.Errorf("Dump gives %v, want ErrVersion", err)
	}
}

func TestConnect_says_why_and_never_the_password(t *testing.T) {
	good := fresh(t)
	for name, url := range map[string]string{
		"a wrong password":  strings.Replace(good, ":"+urlPassword(good)+"@", ":wr0ng-pa55@", 1),
		"nobody listens":    strings.Replace(good, "127.0.0.1:", "127.0.0.9:", 1),
		"a port too large":  strings.Replace(good, "127.0.0.1:", "127.0.0.1:9", 1),
		"no such database":  strings.Replace(good, "?", "x?", 1),
		"TLS that is asked": strings.Replace(good, "sslmode=disable", "sslmode=require", 1),
	} {
		_, err := openedOr(t, url)
		if err == nil {
			t.Errorf("%s gives %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), testPassword) || strings.Contains(err.Error(), "wr0ng-pa55") || strings.Contains(err.Error(), urlPassword(good))) {
			t.Errorf("%s: the password stands in %q", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}
