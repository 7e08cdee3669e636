//go:build postgres

package applier

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/fence"
)

func TestRun_applies_once_when_the_connection_breaks_at_COMMIT(t *testing.T) {
	for _, c := range []struct {
		name    string
		what    servertest.Mischief
		applied bool // by the run that met the break
	}{
		{"the reply to COMMIT is lost", servertest.LoseReply, true},
		{"COMMIT itself is lost", servertest.LoseRequest, false},
		{"COMMIT is lost and the server still waits", servertest.GoSilent, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := servertest.Fresh(t)
			servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
			ready := opened(t, url)
			j := servertest.JobOf(t, servertest.AddRow)
			if err := ready.Raise(t.Context(), j.Ticket); err != nil {
				t.Fatal(err)
			}
			// The first COMMIT through the proxy is that of Raise.
			bad, proxy := servertest.Through(t, url, c.what, "COMMIT\x00")
			d := opened(t, bad)
			r, err := apply.Run(t.Context(), raisedAlready{d}, d, j.Job)
			if !proxy.Fired() {
				t.Fatal("no COMMIT came by")
			}
			var f *apply.Failure
			if c.applied != (err == nil) || !c.applied && !errors.As(err, &f) {
				t.Fatalf("the run gives %+v and error %v; applied should be %v", r, err, c.applied)
			}
			want := 0
			if c.applied {
				want = 1
			}
			if got := servertest.Effects(t, url); got != want {
				t.Fatalf("after the break the effect is in place %d times, want %d", got, want)
			}
			again, err := apply.Run(t.Context(), ready, ready, j.Job)
			if err != nil || again.Applied != 1 || again.Here != 1 {
				t.Fatalf("the resumed run gives %+v, error %v", again, err)
			}
			if got := servertest.Effects(t, url); got != 1 {
				t.Errorf("in the end the effect is in place %d times", got)
			}
		})
	}
}

func (raisedAlready) Raise(context.Context, fence.Ticket) error { return nil }

func TestRun_finds_an_index_that_was_built_after_its_client_had_gone(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	bad, proxy := servertest.Through(t, url, servertest.CutClient, concurrentIndex)
	d, ready := opened(t, bad), opened(t, url)
	d.server.IdleTimeout = time.Second
	j := servertest.JobOf(t, concurrentIndex)
	release := servertest.HoldOld(t, url)
	result := make(chan error, 1)
	go func() {
		_, err := apply.Run(t.Context(), d, d, j.Job)
		result <- err
	}()
	for !proxy.Fired() {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond)
	const oid = "SELECT coalesce(max(oid::bigint), 0) FROM pg_class WHERE relname = 'ix_effect'"
	begun := servertest.Ask[int64](t, url, oid)
	release()
	if err := <-result; !errors.Is(err, apply.ErrUnknown) && err != nil {
		t.Fatalf("the run that lost its connection gives %v", err)
	}
	r, err := apply.Run(t.Context(), ready, ready, j.Job)
	if err != nil || r.Applied != 1 {
		t.Fatalf("the resumed run gives %+v, error %v", r, err)
	}
	if ended := servertest.Ask[int64](t, url, oid); begun == 0 || ended != begun {
		t.Errorf("the build that was begun (%d) is not the one that stands (%d)", begun, ended)
	}
	if n := servertest.Ask[int](t, url, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "+
		"WHERE c.relname = 'ix_effect' AND indisvalid"); n != 1 {
		t.Errorf("there are %d valid indexes, want 1", n)
	}
}

func TestRun_repairs_an_index_that_a_killed_backend_left_invalid(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	d := opened(t, url)
	j := servertest.JobOf(t, concurrentIndex)
	if err := d.Raise(t.Context(), j.Ticket); err != nil {
		t.Fatal(err)
	}
	solo, err := d.NonTransactional(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(solo.Hold(t.Context(), j.Ticket), solo.Mark(t.Context(), j.Key,
		apply.Marker{SHA256: j.Units[0].SHA256, Run: "r-one", Fence: 1}), solo.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	killBuild(t, url)
	r, err := apply.Run(t.Context(), d, d, j.Job)
	if err != nil || r.Here != 1 {
		t.Fatalf("the run gives %+v, error %v", r, err)
	}
}

func TestProbe_refuses_an_index_of_that_name_that_is_another_one(t *testing.T) {
	for _, c := range []struct {
		name, there, wanted string
		found               apply.Effect
	}{
		{"the same", "CREATE INDEX ix ON effect (n)", "CREATE INDEX CONCURRENTLY ix ON effect (n)", apply.Done},
		{"the same, written differently", "CREATE INDEX ix ON effect USING btree (n ASC NULLS LAST) WHERE n > 1",
			"CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON public.effect (n) WHERE (n>1)", apply.Done},
		{"an expression with a cast", "CREATE INDEX ix ON effect (lower(s), abs(n))",
			"CREATE INDEX CONCURRENTLY ix ON effect (lower(s), abs(n))", apply.Done},
		{"another column", "CREATE INDEX ix ON effect (s)", "CREATE INDEX CONCURRENTLY ix ON effect (n)", apply.Other},
		{"not unique", "CREATE INDEX ix ON effect (n)", "CREATE UNIQUE INDEX CONCURRENTLY ix ON effect (n)",
			apply.Other},
		{"another condition", "CREATE INDEX ix ON effect (n) WHERE n > 2",
			"CREATE INDEX CONCURRENTLY ix ON effect (n) WHERE n > 1", apply.Other},
		{"another table", "CREATE INDEX ix ON other (n)", "CREATE INDEX CONCURRENTLY ix ON effect (n)", apply.Other},
		{"a table of that name", "CREATE TABLE ix (n int)", "CREATE INDEX CONCURRENTLY ix ON effect (n)", apply.Other},
		{"nothing", "SELECT 1", "CREATE INDEX CONCURRENTLY ix ON effect (n)", apply.NotDone},
		{"no such table on the path", "SELECT 1", "CREATE INDEX CONCURRENTLY ix ON elsewhere (n)", apply.Other},
		{"gone", "SELECT 1", "DROP INDEX CONCURRENTLY ix", apply.Done},
		{"still there", "CREATE INDEX ix ON effect (n)", "DROP INDEX CONCURRENTLY IF EXISTS ix", apply.NotDone},
		{"there, but not on the path", "CREATE SCHEMA s; CREATE TABLE s.t (n int); CREATE INDEX ix ON s.t (n)",
			"DROP INDEX CONCURRENTLY ix", apply.Other},
		{"detached", "CREATE TABLE p (n int) PARTITION BY LIST (n); CREATE TABLE q (n int)",
			"ALTER TABLE p DETACH PARTITION q CONCURRENTLY", apply.Done},
		{"attached", "CREATE TABLE p (n int) PARTITION BY LIST (n); CREATE TABLE q PARTITION OF p FOR VALUES IN (1)",
			"ALTER TABLE p DETACH PARTITION q CONCURRENTLY", apply.NotDone},
		{"a rebuilt index", "CREATE INDEX ix ON effect (n)", "REINDEX INDEX CONCURRENTLY ix", apply.NotDone},
		{"a database that exists", "SELECT 1", "CREATE DATABASE postgres", apply.Done},
		{"a database that does not", "SELECT 1", "CREATE DATABASE nowhere", apply.NotDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := servertest.Fresh(t)
			if strings.Contains(c.wanted, "DETACH PARTITION") && servertest.Ask[int](t, url,
				"SELECT current_setting('server_version_num')::int") < 140000 {
				return // this server cannot do it concurrently
			}
			servertest.Admin(t, url, "CREATE TABLE public.effect (n int, s text); CREATE TABLE public.other (n int)",
				c.there)
			found, why, err := opened(t, url).Probe(t.Context(), parsed(t, c.wanted))
			if err != nil || found != c.found {
				t.Errorf("the probe finds %d (%s), error %v; want %d", found, why, err, c.found)
			}
			t.Log(why)
		})
	}
}
