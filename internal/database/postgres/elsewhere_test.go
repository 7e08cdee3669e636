//go:build postgres

package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/wire"
)

// withoutHere is a machine that has no PostgreSQL client.
func withoutHere(c *server.Config) { c.Via, c.PgDump = server.ViaSSH, config.Path("/nowhere/pg_dump") }

// dumpsOf counts the sessions of pg_dump in a database.
func dumpsOf(t *testing.T, url string) int {
	t.Helper()
	return servertest.Ask[int](t, url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "+
		"AND application_name LIKE 'pg_dump %'")
}

func TestElsewhere_a_dump_is_taken_and_verified_on_the_host_where_this_machine_has_no_client(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, "+
		"200000) g; SELECT lo_from_bytea(0, 'large')")
	d := opened(t, url, withoutHere)
	f, err := d.Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 || !strings.HasSuffix(f.Dumper, " (on dbhost)") {
		t.Fatal(f.Dumper, f.Problems, err)
	}
	var archive bytes.Buffer
	dump, err := d.Dump(t.Context(), &archive)
	if err != nil || dump.Tables["public.big"] != 200000 || server.LeadingNumber(dump.Dumper) == 0 ||
		strings.Contains(dump.Dumper, " ") {
		t.Fatal(dump.Tables, dump.Dumper, err)
	}
	whole := archive.Bytes()
	if err := d.Verify(t.Context(), bytes.NewReader(whole), dump); err != nil {
		t.Error(err)
	}
	if err := opened(t, url).Verify(t.Context(), bytes.NewReader(whole), dump); err != nil {
		t.Errorf("read here: %v", err)
	}
	for _, n := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		if err := d.Verify(t.Context(), bytes.NewReader(whole[:n]), dump); err == nil {
			t.Errorf("%d of %d bytes pass", n, len(whole))
		}
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 4
	if err := d.Verify(t.Context(), bytes.NewReader(flipped), dump); err == nil {
		t.Error("a flipped bit passes")
	}
	var roles bytes.Buffer
	missing, err := d.Globals(t.Context(), &roles)
	if err != nil || !strings.Contains(roles.String(), "CREATE ROLE owner;") ||
		strings.Contains(strings.Join(missing, " "), "pg_dumpall") {
		t.Errorf("%v, %v: %s", missing, err, roles.String())
	}
}

func TestElsewhere_a_cut_or_a_killed_program_in_the_middle_is_an_error_and_leaves_nothing_running(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) || md5((g+1)::text) || random() AS "+
		"word FROM generate_series(1, 300000) g")
	stop := errors.New("the store is full")
	for name, c := range map[string]struct {
		w    io.Writer
		want error
	}{
		"the connection to the host is cut": {&servertest.Cutting{T: t}, nil},
		"the program is killed":             {&killing{t: t, url: url}, nil},
		"the store refuses":                 {refusing{stop}, stop},
	} {
		d := opened(t, url, withoutHere)
		began := time.Now()
		_, err := d.Dump(t.Context(), c.w)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || time.Since(began) > 20*time.Second {
			t.Errorf("%s: %v after %s", name, err, time.Since(began))
		}
		t.Logf("%s: %v", name, err)
		for end := time.Now().Add(5 * time.Second); dumpsOf(t, url) > 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: pg_dump is left", name)
			}
		}
	}
}

func TestElsewhere_what_no_place_has_is_refused_and_every_place_is_named(t *testing.T) {
	d := opened(t, servertest.Fresh(t), withoutHere)
	_, err := d.server.Tool(t.Context(), "pg_dump", 90)
	if !errors.Is(err, database.ErrVersion) || !strings.Contains(err.Error(), "is not installed here") ||
		!strings.Contains(err.Error(), "on dbhost: pg_dump 1") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.server.Tool(ctx, "pg_dump", 13); err == nil || errors.Is(err, database.ErrVersion) {
		t.Errorf("a question that was not answered is no answer: %v", err)
	}
}

// refusing is a store that takes nothing.
type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

// killing kills every pg_dump of the test's host at the first byte.
type killing struct {
	t    *testing.T
	url  string
	done bool
}

func (k *killing) Write(p []byte) (int, error) {
	if k.done {
		return len(p), nil
	}
	k.done = true
	e, err := servertest.ThroughHost(k.t).Host.Exec(k.t.Context(),
		wire.Exec{Argv: []string{"sh", "-c", `for p in /proc/[0-9]*; do
		tr '\0' ' ' <$p/environ 2>/dev/null | grep -q "PGDATABASE=` + databaseOf(k.url) +
			` .*PGAPPNAME=pg_dump " && [ "$(cat $p/comm)" = pg_dump ] && kill -9 ${p#/proc/} && exit 0; done; exit 1`}},
		nil, io.Discard)
	if err != nil || e.Code != 0 {
		k.t.Errorf("no pg_dump was killed: %v, %+v", err, e)
	}
	return len(p), nil
}

func databaseOf(url string) string {
	name := url[strings.LastIndexByte(url, '/')+1:]
	name, _, _ = strings.Cut(name, "?")
	return name
}
