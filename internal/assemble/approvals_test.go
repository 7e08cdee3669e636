package assemble

import (
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/fault"
)

func TestApproval_never_weakens_a_policy_that_does_not_exist_yet(t *testing.T) {
	for _, from := range []string{"signature", "github-environment", "", "nonee"} {
		p, err := Approval(config.Config{Approval: config.Approval{From: from, Reason: "x"}}, nil)
		if f, ok := fault.Find(err); p != nil || !ok || f.Outcome != fault.Misused {
			t.Errorf("%q: got %v, %v", from, p, err)
		}
	}
}
