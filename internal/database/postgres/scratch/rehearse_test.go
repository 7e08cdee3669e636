//go:build postgres

package scratch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/archive"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// play is one rehearsal of a test.
type play struct {
	where  string // ServerLocal, ServerProduction or a URL; "" is ServerLocal
	schema bool
	ctx    context.Context // nil: one that is never cancelled
	change func(*Rehearser)
	job    func(*database.Rehearsal)
}

// rehearsed dumps a database and rehearses a script on a copy.
func rehearsed(t *testing.T, url, sql string, p play) (database.Rehearsed, sqlreview.Trace, error) {
	t.Helper()
	d := opened(t, url)
	var dumped bytes.Buffer
	dump, err := archive.New(d).Dump(context.Background(), &dumped)
	if err != nil {
		t.Fatal(err)
	}
	script, err := sqltext.Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	if p.where == "" {
		p.where = ServerLocal
	}
	r := New(d, RehearseConfig{Server: config.NewSecret(p.where), Programs: servertest.Server.Bin,
		Directory: scratchDirectory(t)})
	j := database.Rehearsal{Owner: "shop/production", Run: "r-20261124-203015-7f3a", Number: 1, SchemaOnly: p.schema,
		Dump: dump,
		Archive: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(dumped.Bytes())), nil
		}, Say: func(string) {}}
	if p.change != nil {
		p.change(r)
	}
	if p.job != nil {
		p.job(&j)
	}
	if p.ctx == nil {
		p.ctx = context.Background()
	}
	out, trace, err := r.Rehearse(p.ctx, j, script)
	nothingLeft(t, r.directory())
	return out, trace, err
}

// scratchDirectory is one that the server's user may enter, gone with the test.
func scratchDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// nothingLeft looks for scratch databases, directories and servers.
func nothingLeft(t *testing.T, directory string) {
	t.Helper()
	if left := scratchDatabases(t); len(left) > 0 {
		t.Errorf("these databases are left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(directory, "*")); len(left) > 0 {
		t.Errorf("these files are left: %v", left)
	}
	pids := serversIn(directory)
	for range 40 { // they are told to end when their directory goes
		if len(pids) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
		pids = serversIn(directory)
	}
	t.Errorf("these servers are left: %v", pids)
}

func scratchDatabases(t *testing.T) []string {
	t.Helper()
	return servertest.Ask[[]string](t, servertest.Server.URL("owner", "postgres"),
		"SELECT coalesce(array_agg(datname::text), '{}') FROM pg_database WHERE datname LIKE 'fairlead%'")
}

// elsewhere is another server, for scratch databases; nothing may be left there either.
func elsewhere(t *testing.T) string {
	t.Helper()
	s, _, err := startScratchServer(context.Background(), serverPlan{major: 13, programs: servertest.Server.Bin,
		below: scratchDirectory(t), loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	url, err := s.loopback(context.Background(), scratchUser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := servertest.Ask[int](t, url.Reveal(), "SELECT count(*) FROM pg_database WHERE datname LIKE "+
			"'fairlead%'"); n != 0 {
			t.Errorf("%d scratch databases are left elsewhere", n)
		}
		s.stop()
	})
	return url.Reveal()
}

// serversIn gives the processes whose working directory is, or was, below a directory.
func serversIn(directory string) []string {
	all, _ := filepath.Glob("/proc/[0-9]*/cwd")
	return slices.DeleteFunc(all, func(link string) bool {
		at, err := os.Readlink(link)
		return err != nil || !strings.HasPrefix(at, directory+"/")
	})
}

const orders = `CREATE TABLE customers(id int PRIMARY KEY, name text NOT NULL);
	CREATE TABLE orders(id int PRIMARY KEY, customer int REFERENCES customers, note text, total int);
	INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 100) i;
	INSERT INTO orders SELECT i, 1 + i % 100, CASE WHEN i % 1000 <> 7 THEN 'x' END, i FROM generate_series(1, 10000) i`

func TestRehearse_restores_counts_and_tells_what_each_statement_does(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders)
	const sql = "ALTER TABLE orders ALTER COLUMN total TYPE bigint; ALTER TABLE orders ADD COLUMN IF NOT EXISTS " +
		"paid boolean NOT NULL DEFAULT false;"
	for _, where := range []string{ServerLocal, ServerProduction, elsewhere(t)} {
		out, trace, err := rehearsed(t, url, sql, play{where: where})
		if err != nil {
			t.Fatalf("%s: %v", out.Where, err)
		}
		if !out.Counted || out.Tables != 2 || out.Rows != 10100 || len(out.Units) != 1 {
			t.Errorf("%s: it says %+v", out.Where, out)
		}
		if n := len(trace.Statements); n != 2 || !slices.Equal(trace.Statements[0].Claims.Rewrites,
			[]string{"orders"}) || trace.Statements[1].Claims.Rewrites != nil {
			t.Errorf("%s: the trace is %+v", out.Where, trace.Statements)
		}
		if trace.Again == nil || trace.Again.Fails != "" {
			t.Errorf("%s: a second run: %+v", out.Where, trace.Again)
		}
		t.Logf("%s: restored in %d ms, applied in %d ms; %v", out.Where, out.Restored, out.Units[0].Milliseconds,
			out.Notes)
	}
	if got := servertest.Ask[string](t, url, "SELECT pg_typeof(total)::text FROM orders LIMIT 1"); got != "integer" {
		t.Errorf("production was changed: total is %s", got)
	}
}

func TestRehearse_finds_a_constraint_that_fails_on_the_data_and_schema_mode_does_not(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders)
	const sql = "CREATE INDEX IF NOT EXISTS orders_total ON orders(total);\n\nALTER TABLE orders ALTER COLUMN note " +
		"SET NOT NULL;\n"
	_, trace, err := rehearsed(t, url, sql, play{})
	if err != nil {
		t.Fatal(err)
	}
	if last := trace.Statements[len(trace.Statements)-1]; last.Line != 3 || !strings.Contains(last.Claims.Fails,
		"23502") {
		t.Errorf("the last statement is %+v", last)
	}
	out, trace, err := rehearsed(t, url, sql, play{schema: true})
	if err != nil || out.Counted || trace.Statements[1].Claims.Fails != "" {
		t.Errorf("on a schema alone: %+v %+v %v", out, trace.Statements, err)
	}
}

func TestRehearse_predicts_how_long_a_rewrite_takes(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE big(id int PRIMARY KEY, a int, b text)",
		"INSERT INTO big SELECT i, i, md5(i::text) FROM generate_series(1, 500000) i", "ANALYZE big", "CHECKPOINT")
	// other work on the machine may spoil one pair, and hardly three
	for _, kind := range []string{"bigint", "numeric", "text"} {
		sql := "ALTER TABLE big ALTER COLUMN a TYPE " + kind
		out, _, err := rehearsed(t, url, sql, play{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		servertest.Admin(t, url, sql)
		took, predicted := time.Since(began).Milliseconds(), out.Units[0].Milliseconds
		t.Logf("predicted %d ms, took %d ms (%.2f); restored in %d ms", predicted, took,
			float64(predicted)/float64(took), out.Restored)
		if predicted >= took/2 && predicted <= took*3/2 {
			return
		}
	}
	t.Error("no prediction was within 50 % of what production took")
}

func TestRehearse_refuses_what_reaches_outside_and_too_little_space(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders)
	little := func(r *Rehearser) { r.free = func(string) (int64, error) { return 30 << 20, nil } }
	unseen := func(r *Rehearser) { r.free = func(string) (int64, error) { return 0, os.ErrPermission } }
	looks := 0
	shrinks := func(r *Rehearser) {
		looks, r.every = 0, time.Millisecond
		r.free = func(string) (int64, error) {
			if looks++; looks > 5 {
				return 1 << 20, nil
			}
			return 1 << 40, nil
		}
	}
	for claim, c := range map[string]struct {
		sql  string
		play play
		want error
	}{
		"a program, anywhere": {"COPY orders TO PROGRAM 'cat >/dev/null'", play{}, database.ErrOutside},
		"a role, on the production server": {"CREATE ROLE nobody_new", play{where: ServerProduction},
			database.ErrOutside},
		"another database, by name": {"DROP DATABASE postgres", play{where: ServerProduction},
			database.ErrOutside},
		"an unknown text, in production": {"DO $$ DECLARE q text := 'SELECT 1'; BEGIN EXECUTE q; END $$",
			play{where: ServerProduction}, database.ErrOutside},
		"too little space for production": {"SELECT 1", play{where: ServerProduction, change: little},
			database.ErrNoSpace},
		"too little space here":     {"SELECT 1", play{change: little}, database.ErrNoSpace},
		"space that cannot be seen": {"SELECT 1", play{change: unseen}, database.ErrNoSpace},
		"space that runs out while it runs": {"SELECT pg_sleep(5)", play{where: ServerProduction, change: shrinks},
			database.ErrNoSpace},
		"production by its URL": {"SELECT 1", play{where: servertest.Server.URL("owner", "postgres")},
			database.ErrNoScratch},
		"no server programs": {"SELECT 1", play{change: func(r *Rehearser) { r.config.Programs = "/nowhere" }},
			database.ErrNoScratch},
		"a server that is not there": {"SELECT 1", play{where: "postgres://owner:x@127.0.0.1:1/postgres"},
			database.ErrNoScratch},
	} {
		if _, _, err := rehearsed(t, url, c.sql, c.play); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", claim, err, c.want)
		} else if strings.HasPrefix(claim, "too little space") && !strings.Contains(err.Error(), "are needed") {
			t.Errorf("%s: it began nevertheless: %v", claim, err)
		}
	}
}

func TestRehearse_on_a_server_of_its_own_may_make_roles_and_works_as_the_one_who_will_apply(t *testing.T) {
	servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "CREATE ROLE plain LOGIN PASSWORD "+
		server.Literal(servertest.Password))
	t.Cleanup(func() { servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "DROP ROLE plain") })
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders, "ALTER TABLE customers OWNER TO plain", "GRANT SELECT ON orders TO plain")
	t.Cleanup(func() { servertest.Admin(t, url, "DROP OWNED BY plain CASCADE") })
	_, trace, err := rehearsed(t, url, "CREATE ROLE only_there; GRANT SELECT ON orders TO only_there", play{})
	if err != nil || len(trace.Statements) != 2 || trace.Statements[1].Claims.Fails != "" {
		t.Errorf("roles: %+v %v", trace.Statements, err)
	}
	_, trace, err = rehearsed(t, strings.Replace(url, "owner:", "plain:", 1),
		"ALTER TABLE customers ADD a int; ALTER TABLE orders ADD a int", play{})
	if err != nil || len(trace.Statements) != 2 || trace.Statements[0].Claims.Fails != "" ||
		!strings.Contains(trace.Statements[1].Claims.Fails, server.CodeNoPrivilege) {
		t.Errorf("another role's table: %+v %v", trace.Statements, err)
	}
}

func TestRehearse_starts_with_the_first_unit_that_is_not_in_place(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders, "CREATE SCHEMA side", "CREATE INDEX orders_total ON orders(total)")
	const sql = "SET search_path = side, public;\nCREATE INDEX CONCURRENTLY orders_total ON " +
		"public.orders(total);\nCREATE TABLE made(i int);"
	script, _ := sqltext.Parse([]byte(sql))
	_, trace, err := rehearsed(t, url, sql, play{job: func(j *database.Rehearsal) { j.From = len(script.Units) - 1 }})
	if err != nil || len(trace.Statements) != 1 || trace.Statements[0].Claims.Fails != "" ||
		trace.Statements[0].Line != 3 {
		t.Errorf("got %+v %v", trace.Statements, err)
	}
}

func TestRehearse_lets_each_version_meet_the_schema_of_the_other(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders)
	asks := func(sql string) func(context.Context, string) error {
		return func(ctx context.Context, url string) error {
			conn, err := pgx.Connect(ctx, url)
			if err != nil {
				return err
			}
			defer conn.Close(ctx)
			_, err = conn.Exec(ctx, sql)
			return err
		}
	}
	for _, where := range []string{ServerLocal, elsewhere(t)} {
		out, trace, err := rehearsed(t, url, "ALTER TABLE orders DROP COLUMN note",
			play{where: where, job: func(j *database.Rehearsal) {
				j.OldOnNew, j.NewOnOld = asks("SELECT note FROM orders LIMIT 1"),
					asks("DELETE FROM orders; SELECT id FROM orders LIMIT 1")
			}})
		if err != nil || out.OldOnNew == nil || !strings.Contains(out.OldOnNew.Fails, "note") || out.NewOnOld == nil ||
			out.NewOnOld.Fails != "" {
			t.Errorf("%s: old on new %+v, new on old %+v, %v", where, out.OldOnNew, out.NewOnOld, err)
		}
		if len(trace.Statements) != 1 || trace.Statements[0].Claims.Fails != "" {
			t.Errorf("the trace is %+v", trace.Statements)
		}
	}
}

// killed is a rehearsal in a process of its own.
type killed struct {
	URL, Server, Directory, Programs, Archive, SQL string
	Number                                         int64
	Dump                                           database.Dump

	program string
}

// run lets it work until it is killed, or ends, and says how long that was.
func (k killed) run(t *testing.T, after time.Duration) (took time.Duration, ended bool) {
	t.Helper()
	told, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(k.program)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(told), &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	err = cmd.Wait()
	if kill.Stop() && err != nil {
		t.Fatalf("it ended by itself: %v: %s", err, &said)
	}
	return time.Since(began), err == nil
}

func TestRehearse_leaves_nothing_that_the_next_one_does_not_remove_wherever_it_is_killed(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders)
	program := filepath.Join(t.TempDir(), "rehearser")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/rehearser").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v: %s", err, out)
	}
	var dumped bytes.Buffer
	d := opened(t, url)
	dump, err := archive.New(d).Dump(context.Background(), &dumped)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dump")
	if err := os.WriteFile(file, dumped.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for where, kills := range map[string]int{ServerProduction: 10, ServerLocal: 5} {
		k := killed{URL: url, Server: where, Directory: scratchDirectory(t), Programs: servertest.Server.Bin,
			Archive: file, Dump: dump, program: program,
			SQL: "ALTER TABLE orders ALTER COLUMN total TYPE bigint; SELECT pg_sleep(0.1)"}
		whole, ended := k.run(t, time.Minute)
		if !ended {
			t.Fatal("undisturbed it does not end well")
		}
		found := 0
		for i := range kills {
			k.Number = int64(i)
			after := time.Duration(rand.Int64N(int64(whole)))
			k.run(t, after)
			left := append(scratchDatabases(t), serversIn(k.Directory)...)
			if files, _ := filepath.Glob(filepath.Join(k.Directory, "*")); len(files) > 0 || len(left) > 0 {
				found++
			}
			removed, err := New(d, RehearseConfig{Server: config.NewSecret(where), Directory: k.Directory}).Sweep(
				context.Background(), "shop/production")
			if err != nil {
				t.Fatalf("killed after %v: %v", after, err)
			}
			nothingLeft(t, k.Directory)
			t.Logf("killed after %v of %v: removed %v", after.Round(time.Millisecond), whole.Round(time.Millisecond),
				removed)
		}
		if found == 0 {
			t.Error("no kill left anything: they came too early or too late")
		}
	}
}

func TestRehearse_goes_without_settings_that_the_programs_here_do_not_know(t *testing.T) {
	directory := scratchDirectory(t)
	s, plain, err := startScratchServer(context.Background(), serverPlan{major: 13, programs: servertest.Server.Bin,
		below: directory, settings: map[string]string{"wal_compression": "of another build"}})
	if err != nil || !plain {
		t.Fatalf("plain %v, %v", plain, err)
	}
	s.stop()
	nothingLeft(t, directory)
	if _, _, err := startScratchServer(context.Background(), serverPlan{major: 99, programs: servertest.Server.Bin,
		below: directory}); !errors.Is(err, errNoServer) {
		t.Errorf("of version 99: %v", err)
	}
}

func TestRehearse_names_statements_that_production_would_cancel(t *testing.T) {
	url := servertest.Fresh(t)
	out, _, err := rehearsed(t, url, "SELECT 1;\nSELECT pg_sleep(0.2)",
		play{change: func(r *Rehearser) { r.production.Config.StatementTimeout = 100 * time.Millisecond }})
	if err != nil || len(out.Notes) != 1 || !strings.HasPrefix(out.Notes[0],
		"line 2 took 200ms, and would be cancelled") {
		t.Errorf("it says %v, %v", out.Notes, err)
	}
}

func TestRehearse_cuts_off_foreign_tables(t *testing.T) {
	url := servertest.Fresh(t)
	name := url[strings.LastIndexByte(url, '/')+1 : strings.IndexByte(url, '?')]
	servertest.Admin(t, url, "CREATE EXTENSION postgres_fdw", "CREATE TABLE real_one(i int)",
		"INSERT INTO real_one VALUES (1)",
		fmt.Sprintf("CREATE SERVER back FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', "+
			"dbname '%s')", servertest.Server.Port, name),
		"CREATE USER MAPPING FOR PUBLIC SERVER back OPTIONS (user 'owner', password "+
			server.Literal(servertest.Password)+")",
		"CREATE FOREIGN TABLE far(i int) SERVER back OPTIONS (table_name 'real_one')")
	if n := servertest.Ask[int](t, url, "SELECT count(*) FROM far"); n != 1 {
		t.Fatal("the foreign table does not work at all")
	}
	out, trace, err := rehearsed(t, url, "UPDATE far SET i = 2", play{})
	if err != nil || len(trace.Statements) != 1 || !strings.Contains(trace.Statements[0].Claims.Fails,
		"has no handler") || len(out.Notes) != 1 {
		t.Errorf("got %+v, %v, %v", trace.Statements, out.Notes, err)
	}
	if servertest.Ask[int](t, url, "SELECT i FROM real_one") != 1 {
		t.Error("the rehearsal changed production")
	}
	if _, _, err := rehearsed(t, url, "SELECT 1", play{where: ServerProduction}); !errors.Is(err, database.ErrOutside) {
		t.Errorf("on the production server: %v", err)
	}
}

func TestRehearse_that_is_cancelled_leaves_nothing(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, orders)
	for _, where := range []string{ServerLocal, ServerProduction} {
		ctx, cancel := context.WithCancel(context.Background())
		_, _, err := rehearsed(t, url, "SELECT pg_sleep(30)", play{where: where, ctx: ctx,
			job: func(j *database.Rehearsal) {
				j.Say = func(text string) {
					if strings.HasPrefix(text, "running the migration") {
						time.AfterFunc(200*time.Millisecond, cancel)
					}
				}
			}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", where, err)
		}
	}
}

func TestRehearse_takes_the_C_locale_where_the_machine_does_not_know_the_other(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	directory := scratchDirectory(t)
	r := New(d, RehearseConfig{Server: config.NewSecret(ServerLocal), Programs: servertest.Server.Bin,
		Directory: directory})
	script, _ := sqltext.Parse([]byte("SELECT 1"))
	j := database.Rehearsal{Owner: "shop/production", Run: "r-1", Say: func(string) {}}
	st, err := r.open(context.Background(), j, script)
	if err != nil {
		t.Fatal(err)
	}
	st.locale = database.Locale{Encoding: "UTF8", Collate: "xx_XX.nowhere", Type: "xx_XX.nowhere", Provider: "c"}
	if err := st.create(context.Background(), j); err != nil || len(st.notes) != 1 || !strings.Contains(st.notes[0],
		"xx_XX.nowhere") {
		t.Errorf("%v, %v", st.notes, err)
	}
	st.close()
	nothingLeft(t, directory)
}

func TestSweep_ends_what_a_dead_rehearsal_still_does_and_nobody_elses_work(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	for _, owner := range []string{"shop/production", "blog/production"} {
		conn, err := asRehearsal(d, owner).Connect(context.Background()) // such a session may be making a database
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		go func() { _, _ = conn.Exec(context.Background(), "SELECT pg_sleep(20)") }()
	}
	const sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'fairlead/rehearse-%'"
	if _, err := New(d, RehearseConfig{Server: config.NewSecret(ServerProduction),
		Directory: scratchDirectory(t)}).Sweep(context.Background(), "shop/production"); err != nil {
		t.Fatal(err)
	}
	if n := servertest.Ask[int](t, url, sessions); n != 1 {
		t.Errorf("%d sessions are left, want that of the other app", n)
	}
}

func TestSweep_leaves_alone_what_belongs_to_others(t *testing.T) {
	const mine, other = "fairlead_rehearsal_" + "x", "fairlead_rehearsalx"
	at := servertest.Server.URL("owner", "postgres")
	theirs := scratchName("blog/production", "r-1", 1)
	for _, name := range []string{mine, other, theirs} {
		servertest.Admin(t, at, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
		t.Cleanup(func() { servertest.Admin(t, at, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()) })
	}
	directory := scratchDirectory(t)
	home, _, err := openHome(directory) // of a process that lives
	if err != nil {
		t.Fatal(err)
	}
	defer home.Remove()
	removed, err := New(opened(t, servertest.Fresh(t)), RehearseConfig{Server: config.NewSecret(ServerProduction),
		Directory: directory}).Sweep(context.Background(), "shop/production")
	if err != nil || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := os.Stat(home.Path); err != nil {
		t.Error(err)
	}
}
