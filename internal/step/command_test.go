package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/release"
)

// store is a database with markers, an imprint and a session, all in memory.
type store struct {
	apply.Server
	markers  []apply.Marker
	rows     int64
	sessions []string
	lost     error // of the session, from the second Hold on
	holds    int
	mute     bool // no marker can be written any more
}

func (d *store) Raise(context.Context, fence.Ticket) error { return nil }
func (d *store) Markers(context.Context, apply.Key) ([]apply.Marker, error) {
	return d.markers, nil
}
func (d *store) NonTransactional(context.Context) (apply.NonTransactional, error) {
	return session{d: d}, nil
}
func (d *store) Imprint(context.Context) (database.Imprint, error) {
	return database.Imprint{Catalog: map[string]string{}, Written: map[string]int64{"public.t": d.rows}}, nil
}
func (d *store) OtherSessions(context.Context, time.Time) ([]string, error) { return d.sessions, nil }
func (d *store) Unmark(context.Context, fence.Ticket, apply.Key, int) error {
	d.markers = nil
	return nil
}

type session struct {
	apply.NonTransactional
	d *store
}

func (s session) Hold(context.Context, fence.Ticket) error {
	if s.d.holds++; s.d.holds > 1 {
		return s.d.lost
	}
	return nil
}

func (s session) Mark(_ context.Context, _ apply.Key, m apply.Marker) error {
	if s.d.mute {
		return apply.ErrLost
	}
	s.d.markers = append(s.d.markers, m)
	return nil
}

func (s session) Close(context.Context) error { return nil }

// ended is a process that has ended, or that goes on until it is stopped.
type ended struct {
	status  int
	signal  string
	done    chan struct{}
	stopped *bool
}

func (p ended) PID() int              { return 7 }
func (p ended) Done() <-chan struct{} { return p.done }
func (p ended) Ended() (int, string, error) {
	return p.status, p.signal, nil
}
func (p ended) Stop(time.Duration) { *p.stopped = true }
func (p ended) Sweep()             {}

// hasty is a clock whose sleeps pass at once.
type hasty struct{ now *time.Time }

func (c hasty) Now() time.Time { return *c.now }
func (c hasty) Sleep(_ context.Context, d time.Duration) error {
	*c.now = c.now.Add(d)
	return nil
}
func (hasty) Jitter() float64 { return 0 }

// try runs a command that does something and ends in some way, and gives what was noted.
func try(t *testing.T, d *store, p ended, do func(), change ...func(*Command)) (engine.Evidence, error, []engine.Fact,
	Command) {
	t.Helper()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	if p.stopped == nil {
		p.stopped = new(bool)
		p.done = make(chan struct{})
		close(p.done)
	}
	s := Command{Database: d, Migration: release.Migration{Command: []string{"tool", "up"}, SHA256: "0123456789abcdef"},
		Limit: time.Hour, Every: time.Millisecond, Clock: hasty{&now}, WithoutBackup: true,
		Launch: func(Launch) (Process, string, error) {
			do()
			return p, "/log", nil
		},
		Left: func(string, time.Time) (string, []int, error) { return "here", nil, nil }}
	for _, f := range change {
		f(&s)
	}
	var facts []engine.Fact
	e, err := s.Run(t.Context(), input(nil, &facts))
	return e, err, facts, s
}

func input(known []engine.Fact, noted *[]engine.Fact) engine.Input {
	return engine.Input{Ticket: fence.Ticket{App: "shop", Environment: "production", Ledger: "l", Run: "r-1",
		Number: 1}, Terms: engine.Terms{Action: engine.Migrate},
		Proofs: engine.Proofs{}, Facts: known, Say: func(engine.Progress) {},
		Note: func(_ context.Context, f engine.Fact) error { *noted = append(*noted, f); return nil }}
}

func TestCommand_tells_the_truth_of_how_it_ended(t *testing.T) {
	nothing := func() {}
	for _, r := range []struct {
		claim     string
		d         *store
		p         ended
		write     bool
		code      fault.Code
		outcome   fault.Outcome
		untouched bool
	}{
		{"well", &store{}, ended{}, true, "", 0, false},
		{"with an error, and nothing changed", &store{}, ended{status: 1}, false, "command-failed", 0, true},
		{"with an error, and rows were written", &store{}, ended{status: 1}, true, "command-partial", fault.Asking,
			false},
		{"with an error, while sessions are still there", &store{sessions: []string{"pid 9"}}, ended{status: 1}, false,
			"command-partial", fault.Asking, false},
		{"by a signal", &store{}, ended{signal: "killed"}, false, "command-unknown", fault.Unknown, false},
		{"with the status of a shell whose child was killed", &store{}, ended{status: 137}, false, "command-unknown",
			fault.Unknown, false},
		{"well, and nobody could write it down", &store{}, ended{}, true, "command-unknown", fault.Unknown, false},
	} {
		do := nothing
		if r.write {
			do = func() { r.d.rows++ }
		}
		if strings.Contains(r.claim, "nobody could") {
			do = func() { r.d.mute = true }
		}
		e, err, _, _ := try(t, r.d, r.p, do)
		f, _ := fault.Find(err)
		switch {
		case r.code == "" && (err != nil || !e.(Migrated).Changed()):
			t.Errorf("%s: %v, %v", r.claim, e, err)
		case r.code != "" && (f == nil || f.Code != r.code || f.Outcome != r.outcome ||
			fault.IsUntouched(err) != r.untouched):
			t.Errorf("%s: %v (untouched %v), want %s", r.claim, err, fault.IsUntouched(err), r.code)
		}
	}
}

func TestCommand_is_stopped_when_the_lock_is_lost_or_it_runs_too_long(t *testing.T) {
	for claim, r := range map[string]struct {
		d     *store
		limit time.Duration
	}{
		"the lock is lost":  {&store{lost: apply.ErrLost}, time.Hour},
		"it runs too long":  {&store{}, 0},
		"it was taken over": {&store{lost: &fence.Overtaken{}}, time.Hour},
	} {
		p := ended{done: make(chan struct{}), stopped: new(bool)}
		_, err, _, _ := try(t, r.d, p, func() {}, func(s *Command) { s.Limit = r.limit })
		f, _ := fault.Find(err)
		if !*p.stopped || f == nil || f.Code != "command-unknown" {
			t.Errorf("%s: stopped %v, %v", claim, *p.stopped, err)
		}
	}
}

func TestCommand_on_resume_runs_again_only_what_certainly_did_nothing(t *testing.T) {
	d := &store{}
	_, _, facts, s := try(t, d, ended{signal: "killed"}, func() {})
	look := func(change func(*Command), known []engine.Fact) engine.Observation {
		t.Helper()
		c := s
		change(&c)
		seen, err := c.Probe(t.Context(), input(known, &[]engine.Fact{}))
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	as := func(*Command) {}
	if seen := look(as, facts); seen.State != engine.NotDone {
		t.Errorf("nothing changed: %+v", seen)
	}
	if seen := look(func(c *Command) {
		c.Left = func(string, time.Time) (string, []int, error) { return "here", []int{9}, nil }
	}, facts); seen.State != engine.Unknown {
		t.Errorf("it still runs: %+v", seen)
	}
	if seen := look(func(c *Command) {
		c.Left = func(string, time.Time) (string, []int, error) {
			return "there", nil,
				nil
		}
	}, facts); seen.State != engine.Unknown {
		t.Errorf("another machine: %+v", seen)
	}
	if seen := look(func(c *Command) {
		c.Left = func(string, time.Time) (string, []int, error) { return "here", nil, errors.New("hidden") }
	}, facts); seen.State != engine.Unknown {
		t.Errorf("not every process can be seen: %+v", seen)
	}
	if seen := look(as, nil); seen.State != engine.Unknown {
		t.Errorf("nothing was noted: %+v", seen)
	}
	d.rows++
	if seen := look(as, facts); seen.State != engine.Unknown ||
		!strings.Contains(seen.Because, "rows were written in public.t") {
		t.Errorf("rows were written: %+v", seen)
	}
	said := func(word string) func(*Command) {
		return func(c *Command) { c.Decided = Decision{Applied: word, By: "ana", Reason: "looked"} }
	}
	if seen := look(said("yes"), facts); seen.State != engine.NotDone || !seen.Changed {
		t.Errorf("a person says yes: %+v", seen)
	}
	c := s
	said("yes")(&c)
	c.Launch = func(Launch) (Process, string, error) { t.Fatal("it was run"); return nil, "", nil }
	e, err := c.Run(t.Context(), input(facts, &[]engine.Fact{}))
	if err != nil || !strings.Contains(e.String(), "ana decided that it is applied: looked") {
		t.Errorf("%v, %v", e, err)
	}
	if seen := look(as, facts); seen.State != engine.Done {
		t.Errorf("after that: %+v", seen)
	}
	d.markers = []apply.Marker{{Run: "r-0"}}
	if seen := look(as, facts); seen.State != engine.Unknown || !strings.Contains(seen.Because, "r-0") {
		t.Errorf("begun by another run: %+v", seen)
	}
	d.markers = nil
	if seen := look(as, facts); seen.State != engine.NotDone {
		t.Errorf("never begun: %+v", seen)
	}
}
