package operate

import (
	"context"
	"testing"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

func TestJoinMeans_says_a_thing_once(t *testing.T) {
	for _, c := range []struct{ step, engine, want string }{
		{"", "production is unchanged", "production is unchanged"},
		{"production is unchanged", "production is unchanged", "production is unchanged"},
		{"production is unchanged; no new container was started", "production is unchanged",
			"production is unchanged; no new container was started"},
		{"no service was touched", "production is unchanged", "no service was touched; production is unchanged"},
	} {
		if got := joinMeans(c.step, c.engine); got != c.want {
			t.Errorf("joinMeans(%q, %q): got %q, want %q", c.step, c.engine, got, c.want)
		}
	}
}

func TestTakenOver_names_the_run_that_followed(t *testing.T) {
	for by, want := range map[string]string{
		"r-1": "run r-1 was taken over by ben@desk (number 4)",
		"":    "run r-1 was taken over by ben@desk (number 4)",
		"r-2": "run r-1 was taken over and closed: run r-2 of ben@desk followed (number 4)",
	} {
		if got := takenOver("r-1", fence.Ticket{Run: by, Holder: "ben@desk", Number: 4}); got != want {
			t.Errorf("by %q: got %q, want %q", by, got, want)
		}
	}
}

// stuck cannot resume what was stopped.
type stuck struct{ Project }

func (stuck) ResumeWriters(context.Context, bool) error {
	return &fault.Fault{Code: "writers-stopped", What: "not resumed", Means: "STOPPED", Outcome: fault.Asking}
}

func TestResumeWriters_that_fails_does_not_make_an_unknown_outcome_a_known_one(t *testing.T) {
	for before, want := range map[fault.Outcome]fault.Outcome{fault.Unknown: fault.Unknown,
		fault.Deployed: fault.Asking, fault.FailedUnchanged: fault.Asking} {
		e := engine.Ending{Outcome: before}
		(&Operator{Project: stuck{}}).resumeWriters(t.Context(), &e)
		if e.Outcome != want || e.Err == nil {
			t.Errorf("%v becomes %v (%v), want %v", before, e.Outcome, e.Err, want)
		}
	}
}
