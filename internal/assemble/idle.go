package assemble

import (
	"context"
	"slices"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// Idle tells whether a plan would change nothing: the same digests run, the migration is in place, the configuration bundle is the
// same, and the last run closed as deployed. It changes nothing.
func (p *Project) Idle(ctx context.Context, plan engine.Plan) (bool, error) {
	t := plan.Terms
	if !slices.Equal(t.Images, t.Baseline) {
		return false, nil
	}
	runs, err := p.history.Runs(ctx, 1)
	if err != nil || len(runs) == 0 || runs[0].Outcome != fault.Deployed || runs[0].Action != engine.Deploy {
		return false, err
	}
	last, err := p.Opening(ctx, runs[0].Run)
	if err != nil || last.Terms.ReleaseID != t.ReleaseID || last.Terms.Bundle != t.Bundle {
		return false, err
	}
	if t.Migration == nil {
		return true, nil
	}
	f, script, err := p.recall(ctx, last)
	if err != nil {
		return false, err
	}
	if t.Migration.Commanded() {
		done, err := p.applied(ctx, t.Migration.SHA256)
		return err == nil && done == 1, err
	}
	done, err := p.placed(ctx, t.Migration.File, f.SQL)
	return err == nil && done == len(script.Units), err
}

// LookOnce looks at health once; it gives the first check that does not pass and what was seen.
func (p *Project) LookOnce(ctx context.Context) (ok bool, check, saw string) {
	h := p.health()
	for _, c := range h.Checks {
		if ok, saw := h.Look(ctx, c); !ok {
			return false, c, saw
		}
	}
	return true, "", ""
}
