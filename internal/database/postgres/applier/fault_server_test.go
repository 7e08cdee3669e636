//go:build postgres

package applier

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/database/postgrestest"
)

// held opens a session that has executed a statement, and gives it.
func held(t *testing.T, url, sql string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
	return conn
}

// another is a second server, for one test.
type another struct{ *postgrestest.Server }

// second starts it, with the same tables; url is not used but to say that the first one is another.
func second(t *testing.T, _ string) another {
	t.Helper()
	s, err := servertest.StartServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return another{s}
}

func (s another) identity(t *testing.T) apply.Identity {
	t.Helper()
	id, err := opened(t, s.URL("owner", "postgres")).Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// promote makes it a standby that takes over: another timeline of the same system.
func (s another) promote(t *testing.T) {
	t.Helper()
	s.Halt()
	signal := filepath.Join(s.Dir, "data", "standby.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Own(signal); err != nil {
		t.Fatal(err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if !servertest.Ask[bool](t, s.URL("owner", "postgres"), "SELECT pg_promote()") {
		t.Fatal("it was not promoted")
	}
}

func restart(t *testing.T) {
	t.Helper()
	servertest.Server.Halt()
	if err := servertest.Server.Resume(); err != nil {
		t.Fatal(err)
	}
}

func TestFault18_a_server_that_restarts_in_the_middle_has_nothing_of_it(t *testing.T) {
	url, sql := servertest.Table(t), servertest.AddRow+servertest.Napping+servertest.AddRow
	d, j := opened(t, url), servertest.JobOf(t, sql)
	result := make(chan error, 1)
	go func() {
		_, err := apply.Run(t.Context(), d, d, j.Job)
		result <- err
	}()
	asleep(t, url, "FROM public.nap")
	restart(t)
	var f *apply.Failure
	if err := <-result; !errors.As(err, &f) || !errors.Is(err, apply.ErrLost) {
		t.Fatalf("the run gives %v", err)
	}
	servertest.Unchanged(t, url)
	servertest.Decided(t, d, j, apply.NotApplied)
	awake(t, url)
	servertest.Applied(t, d, j)
}

func TestFault19_a_server_that_restarts_in_CREATE_INDEX_CONCURRENTLY_leaves_what_is_removed_and_built_again(
	t *testing.T) {
	url := servertest.Table(t)
	sql := servertest.AddRow + concurrentIndex + ";"
	d, j := opened(t, url), servertest.JobOf(t, sql)
	release := servertest.HoldOld(t, url)
	defer release()
	result := make(chan error, 1)
	go func() {
		_, err := apply.Run(t.Context(), d, d, j.Job)
		result <- err
	}()
	asleep(t, url, "CREATE INDEX CONCURRENTLY")
	for range 200 {
		if servertest.Ask[int](t, url, "SELECT count(*) FROM pg_class WHERE relname = 'ix_effect'") > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	restart(t)
	err := <-result
	if err == nil {
		t.Fatal("the run reports success")
	}
	t.Log(err)
	v, err := apply.Decide(t.Context(), d, d, j.Job)
	if err != nil || v.State != apply.Partial || v.Next != 1 {
		t.Fatalf("decided %+v, error %v; want partial, next unit 1", v, err)
	}
	servertest.Applied(t, d, j)
	if n := valid(t, url, "ix_effect"); n != 1 || servertest.Effects(t, url) != 1 {
		t.Errorf("%d valid indexes, %d effects", n, servertest.Effects(t, url))
	}
}

func TestFault25_after_a_failover_nobody_concludes_anything(t *testing.T) {
	s := second(t, "")
	url := s.URL("owner", "postgres")
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	d, j := opened(t, url), servertest.JobOf(t, servertest.AddRow)
	before := s.identity(t)
	if _, err := apply.Run(t.Context(), d, d, j.Job); err != nil {
		t.Fatal(err)
	}
	s.promote(t)
	if after := s.identity(t); after.System != before.System || after.Timeline != before.Timeline+1 {
		t.Fatalf("the identity %+v became %+v", before, after)
	}
	for name, change := range map[string]func(*servertest.Job){
		"between backup and apply": func(j *servertest.Job) { j.Facts, j.Expected = nil, &before },
		"before a resume":          func(j *servertest.Job) {},
	} {
		other := *j
		change(&other)
		_, err := apply.Run(t.Context(), d, d, other.Job)
		if !errors.Is(err, apply.ErrUnknown) || !strings.Contains(err.Error(), "not the one") {
			t.Errorf("%s: the run gives %v", name, err)
		}
		servertest.Decided(t, d, &other, apply.Unknown)
	}
	if n := servertest.Effects(t, url); n != 1 {
		t.Errorf("the effect is in place %d times", n)
	}
}

func TestFault18_the_number_of_a_transaction_that_a_crash_ended_is_given_to_nobody_else(t *testing.T) {
	url := servertest.Table(t)
	d := opened(t, url)
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	a, err := tx.Attempt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	restart(t)
	for range 5 {
		servertest.Admin(t, url, "INSERT INTO effect VALUES (1)")
	}
	if fate, err := d.Fate(t.Context(), a); err != nil || fate != apply.Aborted {
		t.Errorf("after a crash and other transactions, transaction %s has the fate %d, error %v; want aborted", a.XID,
			fate, err)
	}
}
