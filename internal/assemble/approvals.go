package assemble

import (
	"fmt"

	"fairlead/internal/approval"
	"fairlead/internal/config"
	"fairlead/internal/decide"
	"fairlead/internal/fault"
)

// Approval gives the policy that the configuration names; d asks people. Policies that do not exist yet are refused,
// never replaced by a weaker one.
func Approval(c config.Config, d decide.Decider) (approval.Policy, error) {
	what := fmt.Sprintf("approval.from: %q is not known", c.Approval.From)
	switch c.Approval.From {
	case "none":
		return approval.None{Reason: c.Approval.Reason, Decider: d}, nil
	case "signature", "github-environment":
		what = fmt.Sprintf("approval.from: %s is not supported yet", c.Approval.From)
	}
	return nil, &fault.Fault{Code: "config-invalid", What: what, Outcome: fault.Misused,
		Means: "nothing was changed; production is unchanged",
		Do: []fault.Command{{Line: `approval: {from: none, reason: "…"}`,
			Why: "in fairlead.yaml, if nobody else can approve"}}}
}
