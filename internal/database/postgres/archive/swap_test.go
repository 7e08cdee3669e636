//go:build postgres

package archive

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/servertest"
)

func TestSwap_carries_settings_and_grants_and_what_was_taken_from_everybody(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	live := servertest.Ask[string](t, url, "SELECT current_database()")
	q := pgx.Identifier{live}.Sanitize()
	servertest.Admin(t, url, "ALTER DATABASE "+q+" SET search_path = app, public", "ALTER DATABASE "+q+
		" SET work_mem = '7MB'", "REVOKE ALL ON DATABASE "+q+" FROM PUBLIC")
	name, keep := servertest.Beside(t, d)
	if err := d.Swap(t.Context(), name, keep); err != nil {
		t.Fatal(err)
	}
	said := func(of string) string {
		return servertest.Ask[string](t, url, `SELECT coalesce((SELECT string_agg(c, '|' ORDER BY c)
			FROM pg_db_role_setting r, unnest(setconfig) c WHERE r.setdatabase = d.oid), '')
			|| ' ' || has_database_privilege('public', d.oid, 'CONNECT') || ' ' || datallowconn FROM pg_database d
			WHERE datname = $1`, of)
	}
	if got, want := said(live), said(keep); got != want || servertest.Ask[string](t, url,
		"SHOW search_path") != "app, public" {
		t.Errorf("the new live database has %q, the one before had %q", got, want)
	}
}

func TestSwap_that_is_interrupted_leaves_the_live_database_open(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	live := servertest.Ask[string](t, url, "SELECT current_database()")
	name, keep := servertest.Beside(t, d)
	elsewhere := servertest.Fresh(t)
	blocker, err := pgx.Connect(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close(context.Background())
	if _, err := blocker.Exec(t.Context(), "BEGIN; COMMENT ON DATABASE "+pgx.Identifier{name}.Sanitize()+
		" IS 'x'"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- d.Swap(ctx, name, keep) }()
	renames := "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%RENAME TO%'"
	for servertest.Ask[int](t, elsewhere, renames) == 0 {
		time.Sleep(20 * time.Millisecond) // the comment of somebody else keeps it waiting
	}
	cancel()
	time.Sleep(300 * time.Millisecond)
	if _, err := blocker.Exec(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	err = <-result
	swapped := servertest.Ask[bool](t, elsewhere, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", keep)
	if swapped != (err == nil) {
		t.Errorf("it took its place: %v, it said %v", swapped, err)
	}
	if !servertest.Ask[bool](t, elsewhere, "SELECT datallowconn FROM pg_database WHERE datname = $1", live) {
		t.Errorf("nobody can connect to the live database any more (%v)", err)
	}
}

func TestSwap_that_fails_opens_the_live_database_again(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	name, _ := servertest.Beside(t, d)
	if err := d.Swap(t.Context(), name, name); err == nil {
		t.Fatal("two databases have one name")
	}
	if got := servertest.Ask[string](t, url, "SELECT current_database()"); got != d.server.Base.Database {
		t.Errorf("the live database is %s", got)
	}
}
