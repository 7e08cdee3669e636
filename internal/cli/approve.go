package cli

import (
	"context"

	"fairlead/internal/approval"
	"fairlead/internal/config"
	"fairlead/internal/engine"
)

// approve gets the yes that the configuration asks for. reason is what the operator gave for the record; again is the command that
// asks once more.
func (a *app) approve(ctx context.Context, c config.Config, t engine.Terms, yes bool, reason, again string) (engine.Approval, error) {
	policy, err := approval.New(c.Approval, decider{app: a, yes: yes})
	if err != nil {
		return engine.Approval{}, err
	}
	fingerprint, err := t.Fingerprint()
	if err != nil {
		return engine.Approval{}, err
	}
	said, err := policy.Approve(ctx, approval.Request{Terms: t, Fingerprint: fingerprint, Again: again})
	if err != nil {
		return engine.Approval{}, err
	}
	if reason != "" {
		said.Reason = reason
	}
	return said, nil
}
