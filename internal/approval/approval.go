// Package approval gets a yes for a plan, and says whose it was. It binds the yes to the plan's fingerprint by putting both in front
// of whoever answers; it holds no lock while it waits. Policies stand in one file each: none today; signature and github-environment
// have their names reserved. Start with New.
package approval

import (
	"context"
	"fmt"

	"fairlead/internal/config"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// A Policy decides who must say yes. Demand is the kind as it stands in the terms of a plan, so that a weaker policy changes the
// fingerprint. Approve asks; the answer no and nobody to ask are faults (approval-declined, approval-waiting), both with production
// unchanged.
type Policy interface {
	Demand() string
	Approve(ctx context.Context, r Request) (engine.Approval, error)
}

// A Request is what an approval is asked for.
type Request struct {
	Terms       engine.Terms
	Fingerprint string
	Again       string // the command that asks again, like "fairlead deploy v1.8.0"
}

// New gives the policy that the configuration names. Policies that do not exist yet are refused, never replaced by a weaker one.
func New(c config.Approval, d decide.Decider) (Policy, error) {
	switch c.From {
	case "none":
		return None{Reason: c.Reason, Decider: d}, nil
	case "signature", "github-environment":
		return nil, unusable(fmt.Sprintf("approval.from: %s is not supported yet", c.From))
	}
	return nil, unusable(fmt.Sprintf("approval.from: %q is not known", c.From))
}

const unchanged = "nothing was changed; production is unchanged"

func unusable(what string) error {
	return &fault.Fault{Code: "config-invalid", What: what, Means: unchanged, Outcome: fault.Misused,
		Do: []fault.Command{{Line: `approval: {from: none, reason: "…"}`, Why: "in fairlead.yaml, if nobody else can approve"}}}
}
