//go:build real

package scenario

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/database/reach"
	"fairlead/internal/host"
	"fairlead/internal/lab"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

const reachSQL = "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n" +
	"INSERT INTO orders SELECT g, 'n' FROM generate_series(1, 1000) g;\n" +
	"CREATE INDEX CONCURRENTLY orders_note ON orders (note);\n"

// edit changes fairlead.yaml.
func (s *stage) edit(old, with string) {
	s.t.Helper()
	b, err := os.ReadFile(s.Config)
	if err == nil && !strings.Contains(string(b), old) {
		s.t.Fatalf("%s does not hold %q", s.Config, old)
	}
	if err == nil {
		err = os.WriteFile(s.Config, []byte(strings.Replace(string(b), old, with, 1)), 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestReach_a_release_with_a_database_that_only_the_host_sees(t *testing.T) {
	s := newStage(t, 4*time.Minute, setting{stack: lab.StackOptions{App: "viassh", Compose: one("").stack.Compose},
		config: lab.ConfigOptions{Services: []string{"api"}, Every: "200ms", Attempts: 50}})
	s.edit("via: direct", "via: ssh")
	u, err := url.Parse(s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	const only = "/run/fairlead-only-here" // a folder that is on the host and not on this machine
	link := fmt.Sprintf("mkdir -p %s && ln -sf %s/.s.PGSQL.%s %s/", only, filepath.Join(s.Lab.Dir, "pg"), u.Port(),
		only)
	if out, err := s.Lab.HostCommand(s.ctx, "sh", "-c", link).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(only); err == nil {
		t.Fatalf("%s is here too", only)
	}
	u.RawQuery = url.Values{"host": {only}, "port": {u.Port()}}.Encode()
	u.Host = ""
	s.Env = append(s.Env, "PROD_DB_URL="+u.String())
	s.release("v1.0.0", s.publish(lab.Release{Tag: "v1.0.0"}), reachSQL, "api")
	secrets := []secret{{"the database password", s.Password}}
	for _, args := range [][]string{{"check"}, {"deploy", "v1.0.0", "--yes"}} {
		r := s.start(s.Home, nil, args...)
		_, found := spy(r, secrets)
		if got := r.wait(); got.Exit != 0 {
			t.Fatalf("%s", got)
		}
		for _, f := range found {
			t.Errorf("%v: %s", args, f)
		}
	}
	if n := s.value("SELECT count(*) FROM orders"); n != "1000" {
		t.Errorf("orders has %s rows", n)
	}
	if n := s.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"); n != "0" {
		t.Errorf("%s indexes are invalid", n)
	}
}

func TestReach_a_release_with_a_database_in_a_container_that_publishes_no_port(t *testing.T) {
	const compose = `name: {{.App}}
services:
  api:
    image: ${API_IMAGE}
    ports: ["127.0.0.1:{{.APIPort}}:8080"]
    restart: unless-stopped
    stop_grace_period: 5s
  db:
    image: ` + lab.PostgresImage + `
    environment: {POSTGRES_PASSWORD: in-the-container}
    networks: [inner]
    stop_signal: SIGINT
networks: {inner: {internal: true}}
`
	s := newStage(t, 4*time.Minute, setting{stack: lab.StackOptions{App: "incontainer", Compose: compose},
		config: lab.ConfigOptions{Services: []string{"api"}, Every: "200ms", Attempts: 50}})
	if err := s.Lab.ImportPostgres(s.ctx); err != nil {
		t.Fatal(err)
	}
	p := s.publish(lab.Release{Tag: "v1.0.0"})
	if err := s.SetImages(p); err != nil {
		t.Fatal(err)
	}
	if out, err := s.Compose(s.ctx, "up", "-d", "--no-deps", "db").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.edit("via: direct", "via: container, container: {service: db}")
	s.Env = append(s.Env, "PROD_DB_URL=postgres://postgres:in-the-container@db:5432/postgres")
	s.release("v1.0.0", p, reachSQL, "api")
	var got said
	for range 30 {
		if got = s.fairlead("check"); got.Exit == 0 {
			break // the server has come up
		}
		time.Sleep(time.Second)
	}
	if got.Exit != 0 {
		t.Fatalf("%s", got)
	}
	s.must(0, "deploy", "v1.0.0", "--yes")
	s.edit("via: container,", "via: container, pg_dump: /nowhere/pg_dump,") // as on a machine without a client
	if got := s.must(0, "check"); !strings.Contains(got.All, "(in ") && !strings.Contains(got.All, "(on ") {
		t.Errorf("it is not said where pg_dump runs: %s", got)
	}
	s.must(0, "backup", "create")
	s.dumpInside("db", "in-the-container")
	psql := func(sql string) string {
		out, err := s.Compose(s.ctx, "exec", "-T", "-e", "PGPASSWORD=in-the-container", "db", "psql", "-h", "127.0.0.1",
			"-U", "postgres", "-Atc", sql).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if n := psql("SELECT count(*) FROM orders"); n != "1000" {
		t.Errorf("orders has %s rows", n)
	}
	if out, err := s.Compose(s.ctx, "restart", "-t", "5", "db").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.Env = append(s.Env, "PROD_DB_URL=postgres://postgres:wrong@db:5432/postgres")
	s.release("v1.1.0", p, "CREATE TABLE more (id int);\n", "api")
	got = s.fairlead("deploy", "v1.1.0", "--yes")
	if got.Exit != 3 || !strings.Contains(got.All, "database-unready") || strings.Contains(got.All, "wrong") &&
		strings.Contains(got.All, "postgres:wrong") {
		t.Errorf("%s", got)
	}
}

// dumpInside runs pg_dump inside a container of the project, as it is run where neither this machine nor the host has
// one.
func (s *stage) dumpInside(service, password string) {
	s.t.Helper()
	h := host.New(host.Options{Address: host.Address{Local: true},
		Agents:         host.Agents{Folders: []string{os.Getenv("FAIRLEAD_BIN")}},
		AgentDirectory: filepath.Join(s.Home, "agents-inside")})
	defer h.Close()
	t := &reach.Through{Host: h, Container: &stack.Server{Project: s.Project, Service: service}}
	if err := t.Ready(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	sites, err := t.Sites(s.ctx)
	if err != nil || len(sites) != 2 {
		s.t.Fatal(sites, err)
	}
	at := sites[1]
	ask := func(argv ...string) (wire.Ended, string) {
		var out bytes.Buffer
		e, err := t.Exec(s.ctx, at.Name, wire.Exec{Argv: argv, Secret: []byte("*:*:*:*:" + password),
			SecretVar: "PGPASSFILE"}, nil, &out)
		if err != nil {
			s.t.Fatal(err)
		}
		return e, out.String()
	}
	e, dump := ask("pg_dump", "--no-password", "-h", at.Address, "-U", "postgres", "-t", "orders", "postgres")
	if e.Code != 0 || !strings.Contains(dump, "COPY public.orders") || strings.Count(dump, "\tn\n") != 1000 {
		s.t.Errorf("%+v: %.300s", e, dump)
	}
	if _, left := ask("sh", "-c", "ls -a /dev/shm /tmp"); strings.Contains(left, ".fairlead-") {
		s.t.Errorf("the password is left in the container: %s", left)
	}
	if e, _ := ask("sh", "-c", "exit 3"); e.Code != 3 {
		s.t.Errorf("%+v", e)
	}
	inside := onlyInside{t, at}
	var c postgres.Config
	c.Defaults()
	c.URL, c.Via, c.PgDump = config.NewSecret("postgres://postgres:"+password+"@db:5432/postgres"),
		postgres.ViaContainer, "/nowhere/pg_dump"
	c.Container.Service = service
	d, err := postgres.Open(c, postgres.Session{App: "inside", Environment: "test", Run: "r-inside", Reach: inside})
	if err != nil {
		s.t.Fatal(err)
	}
	var archive bytes.Buffer
	made, err := d.Dump(s.ctx, &archive)
	if err != nil || made.Tables["public.orders"] != 1000 {
		s.t.Fatal(made.Tables, err)
	}
	if err := d.Verify(s.ctx, bytes.NewReader(archive.Bytes()), made); err != nil {
		s.t.Error(err)
	}
	if err := d.Verify(s.ctx, bytes.NewReader(archive.Bytes()[:archive.Len()-1]), made); err == nil {
		s.t.Error("an archive without its last byte passes")
	}
	s.cutInside(d, h)
}

// cutInside cuts the connection to the host while a pg_dump in the container waits for a table.
func (s *stage) cutInside(d *postgres.Database, h *host.Host) {
	s.t.Helper()
	sql := func(sql string) string {
		out, err := s.Compose(s.ctx, "exec", "-T", "-e", "PGPASSWORD=in-the-container", "db", "psql", "-h", "127.0.0.1",
			"-U", "postgres", "-Atc", sql).CombinedOutput()
		if err != nil {
			s.t.Errorf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	holder := s.Compose(ctx, "exec", "-T", "-e", "PGPASSWORD=in-the-container", "db", "psql", "-h", "127.0.0.1", "-U",
		"postgres", "-c",
		"BEGIN; LOCK TABLE orders; SELECT pg_sleep(30)")
	if err := holder.Start(); err != nil {
		s.t.Fatal(err)
	}
	const locked = "SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND mode = 'AccessExclusiveLock'"
	s.until("orders is locked", time.Minute, func() bool { return sql(locked) == "1" })
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_dump %'"
	ended := make(chan error, 1)
	go func() { _, err := d.Dump(ctx, io.Discard); ended <- err }()
	s.until("pg_dump waits in the container", time.Minute, func() bool { return sql(waiting) == "1" })
	_ = h.Close()
	if err := <-ended; err == nil {
		s.t.Error("a dump that was cut passes")
	}
	for until := time.Now().Add(5 * time.Second); sql(waiting) != "0"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) { // by itself it would wait for 10 s
			s.t.Fatal("pg_dump is left in the container")
		}
	}
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' " +
		"AND pid <> pg_backend_pid()")
	_ = holder.Wait()
}

// onlyInside is a way on which programs run in the container only.
type onlyInside struct {
	*reach.Through
	site wire.Site
}

// Sites gives the container.
func (o onlyInside) Sites(context.Context) ([]wire.Site, error) { return []wire.Site{o.site}, nil }
