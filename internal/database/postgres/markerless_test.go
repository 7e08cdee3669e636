//go:build postgres

package postgres

import (
	"errors"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/servertest"
)

func TestDecide_without_markers_does_not_take_a_restored_database_for_the_one_that_was_migrated(t *testing.T) {
	url := servertest.Table(t)
	d, j := bare(t, url), servertest.JobOf(t, servertest.AddRow)
	servertest.Applied(t, d, j)
	name, keep := servertest.Beside(t, d) // as a restore leaves one, of before the migration
	if err := d.Swap(t.Context(), name, keep); err != nil {
		t.Fatal(err)
	}
	later := servertest.JobOf(t, servertest.AddRow)
	later.Ticket.Run, later.Facts = "r-two", j.Facts
	for i := range later.Facts {
		later.Facts[i].Run = "r-one"
	}
	v, err := apply.Decide(t.Context(), d, d, later.Job)
	if err != nil || v.State != apply.Unknown {
		t.Errorf("the verdict is %+v (%v), want unknown", v, err)
	}
	// Once it is applied here on purpose, what was noted of the other database says nothing any more.
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	again := servertest.JobOf(t, servertest.AddRow)
	again.Ticket.Run = "r-three"
	if r := servertest.Applied(t, d, again); r.Here != 1 {
		t.Errorf("applied here: %+v", r)
	}
	for i := range again.Facts {
		again.Facts[i].Run = "r-three"
	}
	later.Facts = append(later.Facts, again.Facts...)
	if v, err := apply.Decide(t.Context(), d, d, later.Job); err != nil || v.State != apply.Applied ||
		v.By != "r-three" {
		t.Errorf("afterwards the verdict is %+v (%v), want applied by r-three", v, err)
	}
}

func TestRun_without_markers_applies_once_for_a_role_that_may_create_nothing(t *testing.T) {
	url := servertest.Fresh(t)
	weak := servertest.Role(t, url)
	login := strings.SplitN(strings.TrimPrefix(weak, "postgres://"), ":", 2)[0]
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)", "GRANT INSERT, SELECT ON effect TO "+login)
	t.Cleanup(func() { servertest.Admin(t, url, "DROP OWNED BY "+login) })
	d, j := bare(t, weak), servertest.JobOf(t, servertest.AddRow+"BEGIN;"+servertest.AddRow+"COMMIT;")
	if r := servertest.Applied(t, d, j); r.Here != 2 || len(j.Facts) != 6 {
		t.Errorf("the run gives %+v and %d facts", r, len(j.Facts))
	}
	if r := servertest.Applied(t, d, j); r.Here != 2 {
		t.Errorf("the second run gives %+v", r)
	}
	if n := servertest.Effects(t, url); n != 2 {
		t.Errorf("the effect is in place %d times, want 2", n)
	}
	if n := servertest.Ask[int](t, url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'"); n != 0 {
		t.Error("there is a schema of fairlead's")
	}
	facts, err := d.Preflight(t.Context())
	if err != nil && !errors.Is(err, database.ErrVersion) || strings.Contains(strings.Join(facts.Problems, "\n"),
		"schema fairlead") || !strings.Contains(strings.Join(facts.Notes, "\n"), "database.marker is none") {
		t.Errorf("the facts are %+v, error %v", facts, err)
	}
	// Another run finds it by what the first one noted.
	later := servertest.JobOf(t, servertest.AddRow+"BEGIN;"+servertest.AddRow+"COMMIT;")
	later.Ticket.Run, later.Facts = "r-two", j.Facts
	for i := range later.Facts {
		later.Facts[i].Run = "r-one"
	}
	if r := servertest.Applied(t, d, later); r.Here != 0 || r.By != "r-one" || servertest.Effects(t, url) != 2 {
		t.Errorf("another run gives %+v and %d effects", r, servertest.Effects(t, url))
	}
}

// bare opens a database in which nothing of fairlead is to stand.
func bare(t *testing.T, url string) *Database {
	t.Helper()
	return opened(t, url, func(c *Config) { c.Marker = "none" })
}
