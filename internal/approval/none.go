package approval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// None is the policy of a team without a second person: whoever deploys confirms by typing the tag, and the record says
// that nobody approved and why.
type None struct {
	Reason  string
	Decider decide.Decider
}

var _ Policy = None{}

// Approve asks for the tag to be typed, or takes the flag that answers.
func (n None) Approve(ctx context.Context, r Request) (engine.Approvals, error) {
	a, err := n.Decider.Decide(ctx, decide.Question{Text: question(r), Word: r.Terms.Tag})
	if errors.Is(err, decide.ErrNobody) {
		return nil, &fault.Fault{Code: "approval-waiting", Means: unchanged, Err: err, Outcome: fault.Waiting,
			What: "the plan was not confirmed: there is no terminal to type at, and no --yes",
			Do: []fault.Command{{Line: r.Again, Why: "asks, at a terminal"},
				{Line: r.Again + " --yes", Why: "confirms without being asked; the record says so"}}}
	}
	if err != nil {
		return nil, fmt.Errorf("ask for confirmation: %w", err)
	}
	if !a.Yes {
		return nil, &fault.Fault{Code: "approval-declined", Means: unchanged, Outcome: fault.Refused,
			What: fmt.Sprintf("%s declined the plan (%s)", cmp.Or(a.By, "somebody"), cmp.Or(a.How, "asked")),
			Do:   []fault.Command{{Line: r.Again, Why: "plans again and asks again"}}}
	}
	how := a.How
	if a.By != "" {
		how += " by " + a.By
	}
	return engine.Approvals{{By: fmt.Sprintf("nobody (%s)", n.Reason), How: how, Reason: cmp.Or(r.Reason, n.Reason)}},
		nil
}

// question says in one sentence what a yes will do.
func question(r Request) string {
	t := r.Terms
	verb, more := "Deploy", ", without a migration"
	switch {
	case t.Action == engine.Rollback:
		verb, more = "Roll back to", "; the schema stays as it is"
	case t.Action == engine.Migrate:
		verb, more = "Apply the migration", ""
	case t.Migration != nil:
		more = ", with a migration"
	}
	s := fmt.Sprintf("%s %s of %s in %s%s", verb, t.Tag, t.App, t.Environment, more)
	if fp := r.Fingerprint; len(fp) >= 12 {
		s += fmt.Sprintf(" (plan %s)", fp[:12])
	}
	return strings.TrimSpace(s) + "?"
}
