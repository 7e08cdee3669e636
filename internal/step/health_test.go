package step

import (
	"context"
	"slices"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// runbook is the window of the runbook: up to twelve looks, ten seconds apart. verdicts are what the looks see, the
// last one from then on.
func runbook(verdicts ...bool) (h Health, looks *int, pauses *[]time.Duration) {
	looks, pauses = new(int), new([]time.Duration)
	return Health{Checks: []string{"https://api/health"}, Every: 10 * time.Second, Attempts: 12, Successes: 1,
		Look: func(context.Context, string) (bool, string) {
			*looks++
			return verdicts[min(*looks, len(verdicts))-1], "answered"
		},
		Pause: func(_ context.Context, d time.Duration) error {
			*pauses = append(*pauses, d)
			return nil
		}}, looks, pauses
}

func quiet() engine.Input { return engine.Input{Say: func(engine.Progress) {}} }

func TestHealth_looks_as_the_runbook_does(t *testing.T) {
	ten := 10 * time.Second
	for name, c := range map[string]struct {
		sees    []bool
		looks   int
		healthy bool
	}{
		"the first look passes: nothing is waited for": {[]bool{true}, 1, true},
		"the third passes": {[]bool{false, false, true}, 3, true},
		"the last passes":  {[]bool{11: true}, 12, true},
		"none passes: twelve looks and eleven pauses, no more": {[]bool{false}, 12, false},
	} {
		h, looks, pauses := runbook(c.sees...)
		e, err := h.Run(t.Context(), quiet())
		if *looks != c.looks || len(*pauses) != c.looks-1 ||
			slices.ContainsFunc(*pauses, func(d time.Duration) bool { return d != ten }) {
			t.Errorf("%s: %d looks, pauses %v", name, *looks, *pauses)
		}
		if c.healthy {
			if err != nil || e.(Healthy).Checks[0].Looks != c.looks {
				t.Errorf("%s: %v, %v", name, e, err)
			}
			continue
		}
		if f, ok := fault.Find(err); !ok || f.Code != "unhealthy" {
			t.Errorf("%s: got %v, want the fault unhealthy", name, err)
		}
	}
}

func TestHealth_wants_as_many_in_a_row_as_it_was_told(t *testing.T) {
	h, looks, _ := runbook(true, false, true, true)
	h.Successes = 2
	if _, err := h.Run(t.Context(), quiet()); err != nil || *looks != 4 {
		t.Errorf("%d looks, %v; want 4", *looks, err)
	}
}
