package apply

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/fence"
)

const (
	two   = "BEGIN; INSERT INTO t VALUES (1); COMMIT; BEGIN; INSERT INTO t VALUES (2); COMMIT;"
	index = "CREATE INDEX CONCURRENTLY i ON t (a);"
)

func TestRun_applies_each_unit_exactly_once_whatever_a_call_says(t *testing.T) {
	lock := slices.Repeat([]error{ErrLockTimeout}, Attempts)
	for claim, c := range map[string]struct {
		sql     string
		change  func(*ports)
		want    []error
		failed  bool // *Failure: nothing of the unit stays
		applied int
		inPlace string
		facts   string
	}{
		"both units are applied, each with its facts": {sql: two, applied: 2, inPlace: "1 2",
			facts: "attempted commit-sent attempted commit-sent"},
		"a refused statement takes its transaction with it, and the unit before it stays": {sql: two,
			change: func(p *ports) { p.fails["exec INSERT INTO t VALUES (2)"] = []error{ErrStatement} },
			want:   []error{ErrStatement}, failed: true, applied: 1, inPlace: "1",
			facts: "attempted commit-sent attempted"},
		"a lock that is not had is tried for again": {sql: two,
			change:  func(p *ports) { p.fails["hold"] = lock[:2] },
			applied: 2, inPlace: "1 2", facts: "attempted attempted attempted commit-sent attempted commit-sent"},
		"after eight attempts for a lock it stops": {sql: two,
			change: func(p *ports) { p.fails["hold"] = lock },
			want:   []error{ErrLockTimeout}, failed: true,
			facts: strings.TrimSpace(strings.Repeat("attempted ", Attempts))},
		"another error is not tried again": {sql: two,
			change: func(p *ports) { p.fails["mark"] = []error{ErrMarked} },
			want:   []error{ErrMarked}, failed: true, facts: "attempted"},
		"a COMMIT that was carried out counts although its answer was lost": {sql: two,
			change:  func(p *ports) { p.fails["commit"], p.keeps = []error{ErrLost}, true },
			applied: 2, inPlace: "1 2", facts: "attempted commit-sent attempted commit-sent"},
		"a COMMIT that was lost leaves nothing": {sql: two,
			change: func(p *ports) { p.fails["commit"] = []error{ErrLost} },
			want:   []error{ErrLost}, failed: true, facts: "attempted commit-sent"},
		"a COMMIT that was answered by ROLLBACK leaves nothing": {sql: two,
			change: func(p *ports) { p.fails["commit"] = []error{ErrStatement} },
			want:   []error{ErrStatement}, failed: true, facts: "attempted commit-sent"},
		"markers that cannot be read after a lost COMMIT leave it unknown": {sql: two,
			change: func(p *ports) {
				p.fails["commit"], p.fails["markers"] = []error{ErrLost}, []error{nil, ErrStatement}
			},
			want: []error{ErrUnknown}, facts: "attempted commit-sent"},
		"who was overtaken changes nothing and is told so": {sql: two,
			change: func(p *ports) { p.fails["hold"] = []error{fence.ErrOvertaken} },
			want:   []error{fence.ErrOvertaken}, facts: "attempted"},
		"a statement that ends its transaction leaves it unknown, and that is noted": {sql: two,
			change: func(p *ports) { p.fails["exec"] = []error{ErrEscaped} },
			want:   []error{ErrUnknown, ErrEscaped}, facts: "attempted escaped"},
		"a number that cannot be raised stops it before anything": {sql: two,
			change: func(p *ports) { p.fails["raise"] = []error{fence.ErrOvertaken} },
			want:   []error{fence.ErrOvertaken}, failed: true},
		"a statement outside transactions is applied between intent and end": {sql: index,
			applied: 1, inPlace: "i", facts: "attempted"},
		"what it left half done is removed, and it is tried again": {sql: index,
			change:  func(p *ports) { p.effects = []Effect{NotDone, Halfway, Done} },
			applied: 1, inPlace: "i drop i", facts: "attempted"},
		"what was half done before is not touched": {sql: index,
			change: func(p *ports) { p.effects = []Effect{Halfway} },
			want:   []error{ErrStatement}, failed: true, facts: "attempted"},
		"a statement that the server took without an effect leaves it unknown": {sql: index,
			change: func(p *ports) { p.effects = []Effect{NotDone} },
			want:   []error{ErrUnknown}, inPlace: "i", facts: "attempted"},
		"something else under that name leaves it unknown": {sql: index,
			change: func(p *ports) { p.effects = []Effect{NotDone, Other} },
			want:   []error{ErrUnknown}, inPlace: "i", facts: "attempted"},
		"a refused statement outside transactions that left nothing has failed": {sql: index,
			change: func(p *ports) { p.fails["exec"], p.effects = []error{ErrStatement}, []Effect{NotDone} },
			want:   []error{ErrStatement}, failed: true, facts: "attempted"},
		"without markers nothing outside transactions is run": {sql: index,
			change: func(p *ports) { p.fails["markers"] = []error{ErrNoMarkers} },
			want:   []error{ErrStatement}, failed: true},
		"without markers the answer to each COMMIT is noted": {sql: two,
			change:  func(p *ports) { p.fails["markers"] = slices.Repeat([]error{ErrNoMarkers}, 9) },
			applied: 2, inPlace: "1 2",
			facts: "attempted commit-sent settled attempted commit-sent settled"},
	} {
		t.Run(claim, func(t *testing.T) {
			p := newPorts()
			if c.change != nil {
				c.change(p)
			}
			j, _ := newJob(t, c.sql)
			r, err := Run(t.Context(), p, p, *j)
			var f *Failure
			if !isOneOf(err, c.want) || errors.As(err, &f) != c.failed || r.Applied != c.applied {
				t.Errorf("it gives %+v, error %v", r, err)
			}
			if got := short(p.committed); got != c.inPlace {
				t.Errorf("in place is %q, want %q", got, c.inPlace)
			}
			if got := noted(j); got != c.facts {
				t.Errorf("noted is %q, want %q", got, c.facts)
			}
		})
	}
}

func TestRun_waits_longer_after_each_attempt_for_a_lock(t *testing.T) {
	p := newPorts()
	p.fails["begin"] = slices.Repeat([]error{ErrLockTimeout}, Attempts)
	j, clock := newJob(t, two)
	if _, err := Run(t.Context(), p, p, *j); !errors.Is(err, ErrLockTimeout) {
		t.Fatal(err)
	}
	if len(clock.slept) != Attempts-1 || clock.slept[0] != FirstPause || clock.slept[Attempts-2] != LastPause {
		t.Errorf("it slept %v", clock.slept)
	}
}

func TestRun_twice_applies_once(t *testing.T) {
	p := newPorts()
	j, _ := newJob(t, two)
	for range 2 {
		if r, err := Run(t.Context(), p, p, *j); err != nil || r.Applied != 2 || r.Here != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if got := short(p.committed); got != "1 2" {
		t.Errorf("in place is %q", got)
	}
}

// short gives statements by the one thing in which they differ.
func short(all []string) string {
	words := strings.NewReplacer("INSERT INTO t VALUES (", "", ")", "", "CREATE INDEX CONCURRENTLY i ON t (a", "i",
		"DROP INDEX i", "drop")
	var out []string
	for _, s := range all {
		out = append(out, words.Replace(s))
	}
	return strings.Join(out, " ")
}
