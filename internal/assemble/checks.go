package assemble

import (
	"context"
	"fmt"

	"fairlead/internal/probe"
	"fairlead/internal/step"
)

// health is the runbook's window over the configured checks.
func (p *Project) health() step.Health {
	h := p.Config.Health
	return step.Health{Checks: h.Checks, Every: h.Every, Attempts: h.Attempts, Successes: h.Successes, Pause: Pause,
		Look: func(ctx context.Context, url string) (bool, string) {
			r := p.prober.Look(ctx, probe.Check{URL: url, Timeout: h.Timeout})
			return r.Passed, r.Why
		}}
}

// smoke gives the configured checks.
func (p *Project) smoke() []step.SmokeCheck {
	var all []step.SmokeCheck
	for _, c := range p.Config.Smoke.HTTP {
		all = append(all, step.SmokeCheck{Name: c.URL, Advisory: !c.Required, Do: func(ctx context.Context) (bool, string) {
			r := p.prober.Look(ctx, probe.Check{URL: c.URL, Status: c.Status, Contains: c.Contains, Timeout: p.Config.Smoke.Timeout})
			return r.Passed, r.Why
		}})
	}
	return all
}

// ledgerID gives the id of the ledger that is there.
func (p *Project) ledgerID(ctx context.Context) (string, error) {
	head, err := p.ledger.Head(ctx)
	if err != nil {
		return "", fmt.Errorf("read the end of the ledger: %w", err)
	}
	return head.Ledger, nil
}
