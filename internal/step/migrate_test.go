package step

import (
	"context"
	"errors"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// marked is a server on which a run has applied every unit.
type marked struct {
	apply.Server
	by string
}

func (marked) Identity(context.Context) (apply.Identity, error) { return apply.Identity{}, nil }

func (m marked) Markers(context.Context, apply.Key) ([]apply.Marker, error) {
	return []apply.Marker{{SHA256: "u", Run: m.by, Done: true}}, nil
}

func TestMigrate_names_the_run_that_applied_it(t *testing.T) {
	script := sqltext.Script{SHA256: "0123456789abcdef", Units: []sqltext.Unit{{SHA256: "u"}}}
	for by, want := range map[string]string{
		"r-1": "already applied by run r-1, 1 unit",
		"r-2": "applied, 1 of 1 unit by this run, sha256 0123456789ab",
	} {
		s := Migrate{Server: marked{by: by}, Script: script}
		seen, err := s.Probe(t.Context(), engine.Input{Ticket: fence.Ticket{Run: "r-2"}})
		if err != nil || seen.State != engine.Done || seen.Because != want || seen.Evidence.String() != want {
			t.Errorf("applied by %s: %+v, %v; want %q", by, seen, err, want)
		}
		if changed := seen.Evidence.(Migrated).Changed(); changed != (by == "r-2") {
			t.Errorf("applied by %s, seen by r-2: changed %v", by, changed)
		}
	}
}

// halves is a server on which two runs have applied one unit each.
type halves struct{ marked }

func (halves) Markers(context.Context, apply.Key) ([]apply.Marker, error) {
	return []apply.Marker{{Unit: 0, SHA256: "u", Run: "r-1", Done: true},
		{Unit: 1, SHA256: "v", Run: "r-2", Done: true}}, nil
}

func TestMigrate_counts_as_its_own_only_the_units_that_its_run_committed(t *testing.T) {
	script := sqltext.Script{SHA256: "0123456789abcdef", Units: []sqltext.Unit{{SHA256: "u"}, {Index: 1, SHA256: "v"}}}
	seen, err := Migrate{Server: halves{}, Script: script}.Probe(t.Context(),
		engine.Input{Ticket: fence.Ticket{Run: "r-2"}})
	if want := "applied, 1 of 2 units by this run, sha256 0123456789ab"; err != nil || seen.Because != want {
		t.Errorf("got %q, %v; want %q", seen.Because, err, want)
	}
}

// closed is a server that answers questions and lets nobody take it over.
type closed struct{ halves }

func (closed) Raise(context.Context, fence.Ticket) error {
	return errors.New("the row is locked by a stranger")
}

func TestMigrate_that_cannot_go_on_says_nothing_of_what_its_earlier_attempts_applied(t *testing.T) {
	script := sqltext.Script{SHA256: "0123456789abcdef", Units: []sqltext.Unit{{SHA256: "u"}, {Index: 1, SHA256: "v"},
		{Index: 2, SHA256: "w"}}}
	for sent, unchanged := range map[bool]bool{true: false, false: true} {
		in := engine.Input{Ticket: fence.Ticket{Run: "r-2"}, Say: func(engine.Progress) {}}
		if sent {
			in.Facts = []engine.Fact{engine.NewFact(applyKind,
				apply.Fact{What: apply.CommitSent, Attempt: apply.Attempt{Unit: 1}})}
		}
		_, err := Migrate{Server: closed{}, Script: script}.Run(t.Context(), in)
		f, ok := fault.Find(err)
		if !ok || !fault.IsUntouched(err) || strings.Contains(f.Means, "production is unchanged") != unchanged {
			t.Errorf("an earlier attempt has sent COMMIT: %v; it says %+v", sent, err)
			if ok {
				t.Log(f.What, "|", f.Means)
			}
		}
	}
}
