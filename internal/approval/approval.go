// Package approval gets a yes for a plan, and says whose it was. It binds the yes to the plan's fingerprint by putting
// both in front of whoever answers; it holds no lock while it waits. Policies stand in one file each: none today; which
// one holds is chosen by package assemble. Start with Policy.
package approval

import (
	"context"

	"fairlead/internal/engine"
)

// A Policy decides who must say yes. Approve asks; the answer no and nobody to ask are faults (approval-declined,
// approval-waiting), both with production unchanged.
type Policy interface {
	Approve(ctx context.Context, r Request) (engine.Approvals, error)
}

// A Request is what an approval is asked for.
type Request struct {
	Terms       engine.Terms
	Fingerprint string
	Reason      string // of the operator, for the record; "" leaves that of the policy
	Again       string // the command that asks again, like "fairlead deploy v1.8.0"
}

const unchanged = "nothing was changed; production is unchanged"
