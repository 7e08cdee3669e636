package step

import (
	"context"
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// A SmokeCheck is one promise of the new version. Do tries it once. An advisory check is reported and decides nothing.
type SmokeCheck struct {
	Name     string
	Advisory bool
	Do       func(ctx context.Context) (bool, string)
}

// Smoke tries what the new version promises, each check once, in order.
type Smoke struct {
	afresh
	Checks []SmokeCheck
}

// Smoked is the evidence of Smoke.
type Smoked struct {
	Passed []string `json:"passed"`
	Failed []string `json:"failed,omitempty"` // advisory ones
}

// Kind names the evidence.
func (Smoked) Kind() engine.Kind { return "smoked/1" }

// String counts the checks.
func (s Smoked) String() string {
	out := fmt.Sprintf("%d checks passed", len(s.Passed))
	if len(s.Passed) == 0 {
		out = "no checks are configured"
	}
	if len(s.Failed) > 0 {
		out += fmt.Sprintf(", %d advisory ones did not", len(s.Failed))
	}
	return out
}

// Spec declares the step.
func (Smoke) Spec() engine.Spec {
	return engine.Spec{Name: "smoke", Title: "Smoke-test", Effect: engine.ReadsAgain, Proves: Smoked{}.Kind(),
		Runbook: []string{"curl -fsS SMOKE_URL", "npx playwright test --grep @smoke   # optional"}}
}

// Run tries each check. The first required one that fails ends it.
func (s Smoke) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	out := Smoked{Passed: []string{}}
	for i, c := range s.Checks {
		ok, saw := c.Do(ctx)
		in.Say(engine.Progress{Text: fmt.Sprintf("%s: %s", c.Name, saw), Done: int64(i + 1),
			Total: int64(len(s.Checks))})
		switch {
		case ok:
			out.Passed = append(out.Passed, c.Name)
		case c.Advisory:
			out.Failed = append(out.Failed, fmt.Sprintf("%s: %s", c.Name, saw))
		default:
			return nil, &fault.Fault{Code: "smoke-failed", What: fmt.Sprintf("%s: %s", c.Name, saw),
				Means: "the new version runs and is healthy, but does not do what it must",
				Do: []fault.Command{{Line: "fairlead rollback", Why: "brings the old images back"},
					{Line: "fairlead resume", Why: "tries again"}}}
		}
	}
	return out, nil
}
