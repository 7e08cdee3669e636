//go:build postgres

package applier

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

// bare opens a database in which nothing of fairlead is to stand.
func Bare(t *testing.T, url string) *Applier {
	t.Helper()
	return opened(t, url, func(c *server.Config) { c.Marker = "none" })
}

func TestRun_without_markers_refuses_what_can_be_in_no_transaction(t *testing.T) {
	url := servertest.Table(t)
	d, j := Bare(t, url), servertest.JobOf(t, servertest.AddRow+concurrentIndex)
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "without markers") {
		t.Fatalf("the run gives %v", err)
	}
	servertest.Unchanged(t, url)
}

func TestBegin_without_markers_is_for_one_at_a_time_and_Raise_ends_it(t *testing.T) {
	url := servertest.Table(t)
	first, second := Bare(t, url), opened(t, url, func(c *server.Config) {
		c.Marker, c.LockTimeout = "none",
			300*time.Millisecond
	})
	tx, err := first.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := second.Begin(t.Context()); !errors.Is(err, apply.ErrLockTimeout) || !strings.Contains(err.Error(),
		"fairlead/r-one") {
		t.Errorf("a second transaction gives %v", err)
	}
	if err := second.Raise(t.Context(), servertest.Ticket()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Exec(t.Context(), apply.Query{SQL: servertest.AddRow}); !errors.Is(err, apply.ErrLost) {
		t.Errorf("the first transaction, after the other raised, gives %v", err)
	}
	again, err := second.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Rollback(t.Context())
}

func TestDecide_without_markers_asks_a_person_when_the_server_has_forgotten(t *testing.T) {
	url := servertest.Table(t)
	d, j := Bare(t, url), servertest.JobOf(t, servertest.AddRow)
	servertest.Applied(t, d, j)
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
	servertest.Decided(t, d, &other, apply.Unknown)
}
