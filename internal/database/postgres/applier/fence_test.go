//go:build postgres

package applier

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/fence"
)

func TestRaise_ends_a_holder_that_is_busy_in_a_statement(t *testing.T) {
	d := opened(t, servertest.Fresh(t))
	if err := d.Raise(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if err := tx.Hold(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- tx.Exec(t.Context(), apply.Query{SQL: "SELECT pg_sleep(600)"}) }()
	time.Sleep(200 * time.Millisecond)
	start := time.Now()
	if err := d.Raise(t.Context(), servertest.Number(2)); err != nil {
		t.Fatal(err)
	}
	t.Logf("raised in %s", time.Since(start).Round(time.Millisecond))
	if err := <-result; !errors.Is(err, apply.ErrLost) {
		t.Errorf("the old holder's statement gives %v, want ErrLost", err)
	}
}

func TestRaise_leaves_a_running_index_build_alone_but_its_holder_can_do_nothing_more(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	d := opened(t, url)
	if err := d.Raise(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	solo, err := d.NonTransactional(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer solo.Close(t.Context())
	if err := solo.Hold(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	release := servertest.HoldOld(t, url)
	result := make(chan error, 1)
	go func() { result <- solo.Exec(t.Context(), apply.Query{SQL: concurrentIndex}) }()
	time.Sleep(3 * time.Second) // longer than lock_timeout, which must not hold for it
	if err := d.Raise(t.Context(), servertest.Number(2)); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-result; err != nil {
		t.Fatalf("the build gives %v", err)
	}
	key := apply.Key{App: "shop", Environment: "production", Migration: "m"}
	if err := solo.Mark(t.Context(), key, apply.Marker{Done: true}); !errors.Is(err, fence.ErrOvertaken) {
		t.Errorf("the old holder's marker gives %v, want ErrOvertaken", err)
	}
	if found, why, err := d.Probe(t.Context(), parsed(t, concurrentIndex)); found != apply.Done {
		t.Errorf("the probe finds %d (%s), error %v", found, why, err)
	}
}

func TestRaise_names_a_stranger_that_holds_the_row_and_does_not_end_it(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	if err := d.Raise(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url+"&application_name=psql")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT * FROM fairlead.fence FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	err = d.Raise(ctx, servertest.Number(2))
	if err == nil || !strings.Contains(err.Error(), "application psql") {
		t.Errorf("raise gives %v; it should name psql", err)
	}
	if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
		t.Errorf("the stranger's session was ended: %v", err)
	}
}

func TestRaise_by_many_at_once_creates_one_place_and_keeps_the_largest(t *testing.T) {
	url := servertest.Fresh(t)
	var all sync.WaitGroup
	for n := int64(1); n <= 8; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := opened(t, url).Raise(t.Context(), servertest.Number(n)); err != nil &&
				!errors.Is(err, fence.ErrOvertaken) {
				t.Errorf("number %d: %v", n, err)
			}
		}()
	}
	all.Wait()
	if got := servertest.Ask[int64](t, url, "SELECT number FROM fairlead.fence"); got != 8 {
		t.Errorf("the number is %d, want 8", got)
	}
}

func TestDatabase_works_in_a_role_that_it_takes_on(t *testing.T) {
	url := servertest.Fresh(t)
	weak := servertest.Role(t, url)
	login := strings.SplitN(strings.TrimPrefix(weak, "postgres://"), ":", 2)[0]
	name := servertest.Ask[string](t, url, "SELECT current_database()::text")
	servertest.Admin(t, url, "CREATE ROLE "+name+"_owner", "GRANT "+name+"_owner TO "+login, "ALTER DATABASE "+name+
		" OWNER TO "+name+"_owner")
	t.Cleanup(func() {
		servertest.Admin(t, url, "DROP OWNED BY "+name+"_owner CASCADE", "ALTER DATABASE "+name+" OWNER TO owner",
			"DROP ROLE "+name+"_owner")
	})
	d := opened(t, weak, func(c *server.Config) { c.Role = name + "_owner" })
	if err := d.Raise(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if err := tx.Hold(t.Context(), servertest.Number(1)); err != nil {
		t.Fatal(err)
	}
	if err := d.Raise(t.Context(), servertest.Number(2)); err != nil {
		t.Errorf("raising over a session of the same login: %v", err)
	}
	if owner := servertest.Ask[string](t, url, "SELECT tableowner::text FROM pg_tables WHERE schemaname = "+
		"'fairlead' LIMIT 1"); owner != name+"_owner" {
		t.Errorf("the markers belong to %s", owner)
	}
}

func TestExec_gives_way_after_lock_timeout_and_names_who_is_in_the_way(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	release := servertest.HoldOld(t, url)
	defer release()
	d := opened(t, url, func(c *server.Config) { c.LockTimeout = 3 * time.Second })
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	start := time.Now()
	err = tx.Exec(t.Context(), apply.Query{SQL: "ALTER TABLE public.effect ADD COLUMN m int"})
	if !errors.Is(err, apply.ErrLockTimeout) || !strings.Contains(err.Error(), "INSERT INTO public.effect") {
		t.Errorf("it gives %v, want ErrLockTimeout naming the other statement", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestExec_keeps_values_of_rows_out_of_errors(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int UNIQUE)", "INSERT INTO effect VALUES (424242)")
	tx, err := opened(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	err = tx.Exec(t.Context(), apply.Query{SQL: "INSERT INTO public.effect VALUES (424242)"})
	var s *server.Error
	if !errors.As(err, &s) || s.Code != "23505" || !errors.Is(err, apply.ErrStatement) {
		t.Fatalf("it gives %v", err)
	}
	if strings.Contains(err.Error(), "424242") || !strings.Contains(s.Private(), "424242") {
		t.Errorf("the text is %q, the private part %q", err, s.Private())
	}
}

func TestExec_refuses_what_would_wait_for_rows_or_leave_the_transaction(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	for sql, want := range map[string]error{"COPY public.effect FROM STDIN": apply.ErrStatement,
		"copy /* x */ effect (n) from stdin with (format csv)": apply.ErrStatement,
		"COMMIT": apply.ErrEscaped, "ROLLBACK": apply.ErrEscaped, "SELECT 1; SELECT 2": apply.ErrStatement} {
		tx, err := opened(t, url).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := tx.Exec(ctx, apply.Query{SQL: sql}); !errors.Is(err, want) {
			t.Errorf("%s gives %v, want %v", sql, err, want)
		}
		cancel()
		_ = tx.Rollback(t.Context())
	}
}
