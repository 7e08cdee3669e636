//go:build real

package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database"
)

// bare opens a database in which nothing of fairlead is to stand.
func bare(t *testing.T, url string) *Database {
	t.Helper()
	return opened(t, url, func(c *Config) { c.Marker = "none" })
}

func TestRun_without_markers_applies_once_for_a_role_that_may_create_nothing(t *testing.T) {
	url := fresh(t)
	weak := role(t, url)
	login := strings.SplitN(strings.TrimPrefix(weak, "postgres://"), ":", 2)[0]
	admin(t, url, "CREATE TABLE public.effect (n int)", "GRANT INSERT, SELECT ON effect TO "+login)
	t.Cleanup(func() { admin(t, url, "DROP OWNED BY "+login) })
	d, j := bare(t, weak), jobOf(t, addRow+"BEGIN;"+addRow+"COMMIT;")
	if r := applied(t, d, j); r.Here != 2 || len(j.Facts) != 6 {
		t.Errorf("the run gives %+v and %d facts", r, len(j.Facts))
	}
	if r := applied(t, d, j); r.Here != 2 {
		t.Errorf("the second run gives %+v", r)
	}
	if n := effects(t, url); n != 2 {
		t.Errorf("the effect is in place %d times, want 2", n)
	}
	if n := ask[int](t, url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'"); n != 0 {
		t.Error("there is a schema of fairlead's")
	}
	facts, err := d.Preflight(t.Context())
	if err != nil && !errors.Is(err, database.ErrVersion) || strings.Contains(strings.Join(facts.Problems, "\n"), "schema fairlead") || !strings.Contains(strings.Join(facts.Notes, "\n"), "database.marker is none") {
		t.Errorf("the facts are %+v, error %v", facts, err)
	}
	// Another run finds it by what the first one noted.
	later := jobOf(t, addRow+"BEGIN;"+addRow+"COMMIT;")
	later.Ticket.Run, later.Facts = "r-two", j.Facts
	for i := range later.Facts {
		later.Facts[i].Run = "r-one"
	}
	if r := applied(t, d, later); r.Here != 0 || r.By != "r-one" || effects(t, url) != 2 {
		t.Errorf("another run gives %+v and %d effects", r, effects(t, url))
	}
}

func TestRun_without_markers_refuses_what_can_be_in_no_transaction(t *testing.T) {
	url := table(t)
	d, j := bare(t, url), jobOf(t, addRow+concurrentIndex)
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "without markers") {
		t.Fatalf("the run gives %v", err)
	}
	unchanged(t, url)
}

func TestBegin_without_markers_is_for_one_at_a_time_and_Raise_ends_it(t *testing.T) {
	url := table(t)
	first, second := bare(t, url), opened(t, url, func(c *Config) { c.Marker, c.LockTimeout = "none", 300*time.Millisecond })
	tx, err := first.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := second.Begin(t.Context()); !errors.Is(err, apply.ErrLockTimeout) || !strings.Contains(err.Error(), "fairlead/r-one") {
		t.Errorf("a second transaction gives %v", err)
	}
	if err := second.Raise(t.Context(), ticket()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Exec(t.Context(), apply.Query{SQL: addRow}); !errors.Is(err, apply.ErrLost) {
		t.Errorf("the first transaction, after the other raised, gives %v", err)
	}
	again, err := second.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Rollback(t.Context())
}

func TestDecide_without_markers_asks_a_person_when_the_server_has_forgotten(t *testing.T) {
	url := table(t)
	d, j := bare(t, url), jobOf(t, addRow)
	applied(t, d, j)
	forgot := *j
	forgot.Facts = nil
	for _, f := range j.Facts {
		if f.What != apply.Settled {
			f.Attempt.XID = "3" // older than the server's log reaches
			forgot.Facts = append(forgot.Facts, f)
		}
	}
	if v, err := apply.Decide(t.Context(), d, d, forgot.Job); err != nil || v.State == apply.NotApplied {
		t.Errorf("decided %+v, error %v", v, err)
	}
	other := *j
	other.Units = append(other.Units[:0:0], other.Units...)
	other.Units[0].SHA256 = strings.Repeat("0", 64)
	decided(t, d, &other, apply.Unknown)
}

func TestExec_tells_how_far_an_index_build_is(t *testing.T) {
	url := table(t)
	admin(t, url, "INSERT INTO effect SELECT generate_series(1, 1500000)")
	release := holdOld(t, url)
	time.AfterFunc(2*time.Second, release)
	d, j := opened(t, url, func(c *Config) { c.LockTimeout = 200 * time.Millisecond }), jobOf(t, addRow+concurrentIndex)
	applied(t, d, j)
	all := strings.Join(j.said, "\n")
	for _, words := range []string{"statement 1 of 2, line 1: INSERT", "statement 2 of 2, line 1: CREATE INDEX CONCURRENTLY: waits for pid", " % of "} {
		if !strings.Contains(all, words) {
			t.Errorf("nothing says %q:\n%s", words, all)
		}
	}
	t.Log(all)
}

func TestDecide_without_markers_does_not_take_a_restored_database_for_the_one_that_was_migrated(t *testing.T) {
	url := table(t)
	d, j := bare(t, url), jobOf(t, addRow)
	applied(t, d, j)
	name, keep := beside(t, d) // as a restore leaves one, of before the migration
	if err := d.Swap(t.Context(), name, keep); err != nil {
		t.Fatal(err)
	}
	later := jobOf(t, addRow)
	later.Ticket.Run, later.Facts = "r-two", j.Facts
	for i := range later.Facts {
		later.Facts[i].Run = "r-one"
	}
	v, err := apply.Decide(t.Context(), d, d, later.Job)
	if err != nil || v.State != apply.Unknown {
		t.Errorf("the verdict is %+v (%v), want unknown", v, err)
	}
	// Once it is applied here on purpose, what was noted of the other database says nothing any more.
	admin(t, url, "CREATE TABLE public.effect (n int)")
	again := jobOf(t, addRow)
	again.Ticket.Run = "r-three"
	if r := applied(t, d, again); r.Here != 1 {
		t.Errorf("applied here: %+v", r)
	}
	for i := range again.Facts {
		again.Facts[i].Run = "r-three"
	}
	later.Facts = append(later.Facts, again.Facts...)
	if v, err := apply.Decide(t.Context(), d, d, later.Job); err != nil || v.State != apply.Applied || v.By != "r-three" {
		t.Errorf("afterwards the verdict is %+v (%v), want applied by r-three", v, err)
	}
}
