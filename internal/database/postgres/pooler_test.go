//go:build postgres

package postgres

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestConnect_refuses_a_pooler(t *testing.T) {
	url := servertest.Pooled(t, servertest.Fresh(t), "transaction")
	for name, call := range map[string]func() error{
		"Preflight": func() error { _, err := opened(t, url).Preflight(t.Context()); return err },
		"Begin":     func() error { _, err := opened(t, url).Begin(t.Context()); return err },
	} {
		if err := call(); !errors.Is(err, database.ErrPooler) {
			t.Errorf("%s gives %v, want ErrPooler", name, err)
		}
	}
}

func TestPooler_in_transaction_mode_is_refused_in_words_of_three_parts_and_nothing_changes(t *testing.T) {
	direct := servertest.Table(t)
	through := servertest.Pooled(t, direct, "transaction")
	for name, call := range map[string]func(*Database) error{
		"Preflight": func(d *Database) error { _, err := d.Preflight(t.Context()); return err },
		"Begin":     func(d *Database) error { _, err := d.Begin(t.Context()); return err },
		"Dump":      func(d *Database) error { _, err := d.Dump(t.Context(), os.Stderr); return err },
		"a run": func(d *Database) error {
			_, err := apply.Run(t.Context(), d, d, servertest.JobOf(t, servertest.AddRow).Job)
			var f *apply.Failure
			if !errors.As(err, &f) {
				t.Errorf("a run gives %T", err)
			}
			return err
		},
	} {
		err := call(opened(t, through))
		if !errors.Is(err, database.ErrPooler) || !strings.Contains(err.Error(), "announced") ||
			!strings.Contains(err.Error(), "name the server itself") {
			t.Errorf("%s gives %v, want ErrPooler", name, err)
		}
	}
	servertest.Unchanged(t, direct)
	if n := servertest.Ask[int](t, direct, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
		t.Errorf("%d advisory locks are left behind", n)
	}
}

func TestPooler_in_session_mode_takes_a_whole_release(t *testing.T) {
	direct := servertest.Table(t)
	d := opened(t, servertest.Pooled(t, direct, "session"))
	f, err := d.Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 || !slices.ContainsFunc(f.Notes,
		func(n string) bool { return strings.Contains(n, "session mode") }) {
		t.Fatalf("%q, %q, %v", f.Problems, f.Notes, err)
	}
	var archive strings.Builder
	dump, err := d.Dump(t.Context(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Verify(t.Context(), strings.NewReader(archive.String()), dump); err != nil {
		t.Error(err)
	}
	job := servertest.JobOf(t, servertest.AddRow+"CREATE INDEX CONCURRENTLY effect_n ON public.effect (n);")
	if r := servertest.Applied(t, d, job); r.Here != 2 {
		t.Errorf("%+v", r)
	}
	if n := servertest.Effects(t, direct); n != 1 {
		t.Errorf("the effect is in place %d times", n)
	}
}

// A pooler may pass the server's own number on; then only the second look finds it.
func TestPooler_that_passes_the_number_on_is_found_by_the_second_look(t *testing.T) {
	direct := servertest.Table(t)
	for mode, want := range map[string]bool{"transaction": true, "session": false} {
		u := servertest.Pooled(t, direct, mode)
		connect := func() *pgx.Conn {
			c, err := pgx.ParseConfig(u)
			if err != nil {
				t.Fatal(err)
			}
			c.DefaultQueryExecMode = pgx.QueryExecModeExec
			conn, err := pgx.ConnectConfig(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		for round := range 20 {
			one, others := connect(), []*pgx.Conn{connect(), connect()}
			err := server.StaysOn(t.Context(), one, others)
			for _, c := range append(others, one) {
				c.Close(context.Background())
			}
			if errors.Is(err, database.ErrPooler) != want || err != nil && !want {
				t.Errorf("%s mode, round %d: %v", mode, round, err)
			}
		}
	}
}

// A relay in front of the server that only renames the number keeps one process for a session, and that is what counts.
func TestPooler_a_relay_that_keeps_the_session_passes(t *testing.T) {
	direct := servertest.Table(t)
	u, _ := servertest.Through(t, direct, servertest.LiePID, "")
	if r := servertest.Applied(t, opened(t, u), servertest.JobOf(t, servertest.AddRow)); r.Here != 1 ||
		servertest.Effects(t, direct) != 1 {
		t.Errorf("%+v", r)
	}
}
