// Package servertest is what the tests of the packages around it share: one PostgreSQL server per test program,
// databases and roles of it, a way to it through a host, a pooler and a proxy that does mischief, and migrations to
// apply. Start with Main.
package servertest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgrestest"
)

// Login makes a role for one test and gives the URL of a database as that role.
func Login(t *testing.T, direct, name, options string) string {
	t.Helper()
	Admin(t, direct, "CREATE ROLE "+name+" LOGIN PASSWORD '"+Password+"' "+options)
	t.Cleanup(func() {
		Admin(t, direct, "DROP OWNED BY "+name+" CASCADE")
		Admin(t, Server.URL("owner", "postgres"), "DROP ROLE "+name)
	})
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, Password)
	return u.String()
}

// Password is that of the server's owner, with everything in it that wants quoting.
const Password = "s3cr:et\\pa-ss"

// Server is that of Main.
var Server *postgrestest.Server

// WithServer runs tests with a server.
func WithServer(m *testing.M) int {
	s, err := StartServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
		return 1
	}
	defer s.Stop()
	Server = s
	return m.Run()
}

// StartServer starts one more.
func StartServer() (*postgrestest.Server, error) {
	return postgrestest.Start(postgrestest.Options{Password: Password,
		Settings: []string{"max_prepared_transactions=2"}})
}

// Fresh makes a database for one test and gives its URL.
func Fresh(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	Admin(t, Server.URL("owner", "postgres"), "CREATE DATABASE "+name)
	t.Cleanup(func() { Admin(t, Server.URL("owner", "postgres"), "DROP DATABASE "+name+" WITH (FORCE)") })
	return Server.URL("owner", name)
}

// Admin runs SQL beside the code under test.
func Admin(t *testing.T, url string, statements ...string) {
	t.Helper()
	postgrestest.Exec(t, url, statements...)
}

// Ask gives the one value that a question has as its answer.
func Ask[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	return postgrestest.Ask[T](t, url, sql, args...)
}

// Open gives a server for a URL, as run r-one of shop in production.
func Open(t *testing.T, url string, change ...func(*server.Config)) *server.Server {
	t.Helper()
	c := server.Config{URL: config.NewSecret(url)}
	for _, f := range change {
		f(&c)
	}
	s := server.Session{App: "shop", Environment: "production", Run: "r-one"}
	if os.Getenv("FAIRLEAD_TEST_VIA") != "" && c.Via == "" {
		c.Via, s.Reach = server.ViaSSH, ThroughHost(t) // all tests of this package, by way of a host
	}
	if c.Via == server.ViaSSH && s.Reach == nil {
		s.Reach = ThroughHost(t)
	}
	d, err := server.Open(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// PasswordOf gives it as it stands in a URL.
func PasswordOf(url string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://owner:"), "@")
	return word
}

// A Restorer makes and drops databases.
type Restorer interface {
	CreateDatabase(ctx context.Context, n database.NewDatabase) error
	DropDatabase(ctx context.Context, name string) error
}

// Unused gives a name for a database that goes with the test.
func Unused(t *testing.T, d Restorer) string {
	t.Helper()
	name := fmt.Sprintf("restore_%d", time.Now().UnixNano())
	t.Cleanup(func() { _ = d.DropDatabase(context.Background(), name) })
	return name
}

// Beside gives the names of a database to put into the place of the live one, which is made, and of the one that is
// kept.
func Beside(t *testing.T, d Restorer) (name, keep string) {
	t.Helper()
	name, keep = Unused(t, d), Unused(t, d)
	if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	return name, keep
}

// Wrapper makes a pg_dump that is a shell script, in which $real is the true one, beside the true pg_restore and
// nothing else.
func Wrapper(t *testing.T, script string) config.Path {
	t.Helper()
	dir := t.TempDir()
	real, err := filepath.EvalSymlinks(filepath.Join(Server.Bin, "pg_dump"))
	if err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/bash\nreal=" + real + "\nif [ \"$1\" = --version ]; then exec \"$real\" --version; fi\n" + script +
		"\n"
	if err := os.WriteFile(filepath.Join(dir, "pg_dump"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(real), "pg_restore"),
		filepath.Join(dir, "pg_restore")); err != nil {
		t.Fatal(err)
	}
	return config.Path(filepath.Join(dir, "pg_dump"))
}

// Try runs one statement that may fail.
func Try(t *testing.T, url, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql)
	return err
}

// Role makes a login role that may nothing, and gives the URL that it connects by.
func Role(t *testing.T, url string) string {
	t.Helper()
	name := fmt.Sprintf("r%d", time.Now().UnixNano())
	Admin(t, url, "CREATE ROLE "+name+" LOGIN PASSWORD '"+Password+"'")
	t.Cleanup(func() { Admin(t, Server.URL("owner", "postgres"), "DROP ROLE IF EXISTS "+name) })
	return strings.Replace(url, "//owner:", "//"+name+":", 1)
}

// Main is the main function of a test program: it starts the server, and lets the program be the agent on a host.
func Main(m *testing.M) { agenttest.Main(func() int { return WithServer(m) }) }

// Filled is a database with tables of many kinds.
func Filled(t *testing.T) string {
	t.Helper()
	url := Fresh(t)
	Admin(t, url,
		`CREATE TABLE public.orders (id int, note text)`,
		`INSERT INTO public.orders SELECT n, md5(n::text) || E'\n\\.\nCOPY public.x (a) FROM stdin;\n\ttab'
			FROM generate_series(1, 20000) n`,
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
