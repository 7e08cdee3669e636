//go:build postgres

package preflight

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/archive"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestPreflight_refuses_a_server_on_which_plpgsql_does_not_load(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, `UPDATE pg_proc SET probin = '$libdir/of_another_minor_version'
		WHERE proname IN ('plpgsql_call_handler', 'plpgsql_inline_handler', 'plpgsql_validator')`)
	facts, err := opened(t, url).Preflight(t.Context())
	if err != nil || !strings.Contains(strings.Join(facts.Problems, "\n"), "run an empty DO block") {
		t.Errorf("the problems are %q, error %v", facts.Problems, err)
	}
}

func TestPreflight_tells_what_it_sees_and_changes_nothing(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	d := opened(t, url)
	f, err := d.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Problems) > 0 || f.Major < 13 || f.System == "" || f.Timeline != 1 || f.Role != "owner" || f.Size == 0 ||
		f.Standby || f.Ledger != "" || f.Dumper == "" || f.Now.IsZero() {
		t.Errorf("the facts are %+v", f)
	}
	if !strings.Contains(strings.Join(f.Notes, "\n"), "archive_mode is off") {
		t.Errorf("the notes are %q", f.Notes)
	}
	if n := servertest.Ask[int](t, url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'"); n != 0 {
		t.Error("it created the schema")
	}
	if err := d.applier.Raise(t.Context(), servertest.Number(7)); err != nil {
		t.Fatal(err)
	}
	if f, err = d.Preflight(t.Context()); err != nil || f.Ledger != "ledger-a" || f.Fence != 7 {
		t.Errorf("after raising it knows ledger %q, number %d, error %v", f.Ledger, f.Fence, err)
	}
}

func TestPreflight_refuses_old_transactions_and_running_dumps(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	defer servertest.HoldOld(t, url)()
	defer servertest.HoldOld(t, url+"&application_name=pg_dump")()
	time.Sleep(300 * time.Millisecond)
	f, err := opened(t, url, func(c *server.Config) { c.MaxOpenTransaction = 200 * time.Millisecond }).Preflight(
		t.Context())
	all := strings.Join(f.Problems, "\n")
	if err != nil || !strings.Contains(all, "another dump is running") ||
		!strings.Contains(all, "INSERT INTO public.effect") {
		t.Errorf("the problems are %q, error %v", f.Problems, err)
	}
}

func TestPreflight_refuses_an_older_pg_dump_and_says_what_it_knows(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "pg_dump")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := opened(t, servertest.Fresh(t), func(c *server.Config) { c.PgDump = config.Path(old) })
	f, err := d.Preflight(t.Context())
	if !errors.Is(err, database.ErrVersion) || f.Dumper != "9.6.24" || f.Server == "" {
		t.Errorf("it gives %v with %+v", err, f)
	}
	if _, err := archive.New(d.server).Dump(t.Context(), io.Discard); !errors.Is(err, database.ErrVersion) {
		t.Errorf("Dump gives %v, want ErrVersion", err)
	}
}
