package step

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// A Look is one look at one check: whether it passed and what was seen, in a sentence.
type Look func(ctx context.Context, check string) (bool, string)

// Health is the runbook's window: up to Attempts looks at every check, Every apart; Successes in a row are enough.
type Health struct {
	afresh
	Checks    []string
	Every     time.Duration
	Attempts  int
	Successes int
	Look      Look
	Pause     func(ctx context.Context, d time.Duration) error
}

// Healthy is the evidence of Health.
type Healthy struct {
	Checks []HealthyCheck `json:"checks"`
}

// HealthyCheck is one check that passed, at which look, and what was seen.
type HealthyCheck struct {
	Check string `json:"check"`
	Looks int    `json:"looks"`
	Saw   string `json:"saw"`
}

// Kind names the evidence.
func (Healthy) Kind() engine.Kind { return "healthy/1" }

// String says what passed.
func (h Healthy) String() string {
	var all []string
	for _, c := range h.Checks {
		all = append(all, fmt.Sprintf("%s passed at look %d", c.Check, c.Looks))
	}
	return strings.Join(all, ", ")
}

// Spec declares the step.
func (Health) Spec() engine.Spec {
	return engine.Spec{Name: "health", Title: "Watch health", Effect: engine.ReadsAgain, Proves: Healthy{}.Kind(),
		Runbook: []string{"for i in $(seq 12); do curl -fsS -m 5 HEALTH_URL && break; sleep 10; done"}}
}

// Run looks until all checks have passed or the window is over.
func (s Health) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	h := Healthy{}
	for _, c := range s.Checks {
		seen, err := s.watch(ctx, in, c)
		if err != nil {
			return nil, err
		}
		h.Checks = append(h.Checks, seen)
	}
	return h, nil
}

func (s Health) watch(ctx context.Context, in engine.Input, check string) (HealthyCheck, error) {
	row, saw := 0, ""
	for n := 1; n <= s.Attempts; n++ {
		var ok bool
		ok, saw = s.Look(ctx, check)
		in.Say(engine.Progress{Text: fmt.Sprintf("%s: %s", check, saw), Done: int64(n), Total: int64(s.Attempts)})
		row++
		if !ok {
			row = 0
		}
		if row >= max(s.Successes, 1) {
			return HealthyCheck{Check: check, Looks: n, Saw: saw}, nil
		}
		if n == s.Attempts {
			break
		}
		if err := s.Pause(ctx, s.Every); err != nil {
			return HealthyCheck{}, err
		}
	}
	return HealthyCheck{}, &fault.Fault{Code: "unhealthy", What: fmt.Sprintf("%s did not pass in %d looks, %s apart "+
		"(last: %s)", check, s.Attempts, s.Every, saw),
		Means: "the new version runs but is not healthy", Do: []fault.Command{{Line: "fairlead rollback",
			Why: "brings the old images back"},
			{Line: "fairlead resume", Why: "looks at health again"}}}
}
