package servertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"

	"github.com/jackc/pgx/v5"
)

// A Database is what a migration is applied to.
type Database interface {
	apply.Server
	apply.Recovery
}

// WallClock is the clock of this machine.
type WallClock struct{}

// Now tells the time.
func (WallClock) Now() time.Time { return time.Now() }

// Jitter is always the same.
func (WallClock) Jitter() float64 { return 0.1 }

// Sleep waits.
func (WallClock) Sleep(ctx context.Context, d time.Duration) error {
	return server.Sleep(ctx, d)
}

// Job is one migration with the facts it has noted.
type Job struct {
	apply.Job
	Said []string
}

// JobOf is a migration with that SQL.
func JobOf(t *testing.T, sql string) *Job {
	t.Helper()
	script, err := sqltext.Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	return NewJob(script)
}

// AddRow adds a row to the table effect.
const AddRow = "INSERT INTO public.effect VALUES (1);"

// Effects counts the rows of the table effect.
func Effects(t *testing.T, url string) int {
	t.Helper()
	return Ask[int](t, url, "SELECT count(*) FROM public.effect")
}

// Ticket is that of the first run.
func Ticket() fence.Ticket {
	return fence.Ticket{App: "shop", Environment: "production", Ledger: "ledger-a", Run: "r-one", Number: 1,
		Holder: "tester"}
}

// NewJob is one migration, which remembers what it notes and says.
func NewJob(script sqltext.Script) *Job {
	j := &Job{}
	j.Job = apply.Job{
		Key:    apply.Key{App: "shop", Environment: "production", Migration: script.SHA256},
		Ticket: Ticket(), Units: script.Units, Clock: WallClock{},
		Note: func(_ context.Context, f apply.Fact) error { j.Facts = append(j.Facts, f); return nil },
		Say:  func(_, _ int, text string) { j.Said = append(j.Said, text) },
	}
	return j
}

// Table is a database with the table effect, and one that says how long the statement "napping" sleeps.
func Table(t *testing.T) string {
	t.Helper()
	url := Fresh(t)
	Admin(t, url, "CREATE TABLE public.effect (n int)", "CREATE TABLE public.nap (s float8)",
		"INSERT INTO nap VALUES (600)")
	return url
}

// Napping sleeps as long as the table nap says.
const Napping = "SELECT pg_sleep(s) FROM public.nap;"

// Decided gives the verdict on a job and how long it took.
func Decided(t *testing.T, d Database, j *Job, want apply.State) time.Duration {
	t.Helper()
	began := time.Now()
	v, err := apply.Decide(t.Context(), d, d, j.Job)
	took := time.Since(began)
	if err != nil || v.State != want {
		t.Fatalf("decided %s (%s), error %v; want %s", v.State, v.Why, err, want)
	}
	t.Logf("decided %s in %s: %s", v.State, took.Round(time.Millisecond), v.Why)
	return took
}

// Applied runs the job to its end.
func Applied(t *testing.T, d Database, j *Job) apply.Result {
	t.Helper()
	r, err := apply.Run(t.Context(), d, d, j.Job)
	if err != nil || r.Applied != len(j.Units) {
		t.Fatalf("the run gives %+v, error %v", r, err)
	}
	return r
}

// Unchanged proves that nothing of a job is in place.
func Unchanged(t *testing.T, url string) {
	t.Helper()
	if n := Effects(t, url); n != 0 {
		t.Errorf("the effect is in place %d times, want 0", n)
	}
	if Ask[bool](t, url, "SELECT to_regclass('fairlead.applied') IS NOT NULL") {
		if n := Ask[int](t, url, "SELECT count(*) FROM fairlead.applied"); n != 0 {
			t.Errorf("there are %d markers, want 0", n)
		}
	}
}

// Number is the ticket of a run with that number.
func Number(n int64) fence.Ticket {
	return fence.Ticket{App: "shop", Environment: "production", Ledger: "ledger-a", Run: fmt.Sprintf("r-%d", n),
		Number: n, Holder: "tester"}
}

// HoldOld opens a transaction that a concurrent build has to wait for.
func HoldOld(t *testing.T, url string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(context.Background(), "BEGIN; INSERT INTO public.effect VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	return func() { _ = conn.Close(context.Background()) }
}
