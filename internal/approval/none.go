package approval

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// None is the policy of a team without a second person: whoever deploys confirms by typing the tag, and the record says that nobody
// approved and why.
type None struct {
	Reason  string
	Decider decide.Decider
}

var _ Policy = None{}

// Demand gives "none (reason)".
func (n None) Demand() string { return fmt.Sprintf("none (%s)", n.Reason) }

// Approve asks for the tag to be typed, or takes the flag that answers.
func (n None) Approve(ctx context.Context, r Request) (engine.Approval, error) {
	a, err := n.Decider.Decide(ctx, decide.Question{Text: question(r), Word: r.Terms.Tag})
	if errors.Is(err, decide.ErrNobody) {
		return engine.Approval{}, &fault.Fault{Code: "approval-waiting", What: "the plan was not confirmed: there is no terminal to type at, and no --yes",
			Means: unchanged, Err: err, Outcome: fault.Waiting, Do: []fault.Command{{Line: r.Again, Why: "asks, at a terminal"},
				{Line: r.Again + " --yes", Why: "confirms without being asked; the record says so"}}}
	}
	if err != nil {
		return engine.Approval{}, fmt.Errorf("ask for confirmation: %w", err)
	}
	if !a.Yes {
		return engine.Approval{}, &fault.Fault{Code: "approval-declined", What: fmt.Sprintf("%s declined the plan (%s)", or(a.By, "somebody"), or(a.How, "asked")),
			Means: unchanged, Outcome: fault.Refused, Do: []fault.Command{{Line: r.Again, Why: "plans again and asks again"}}}
	}
	how := a.How
	if a.By != "" {
		how += " by " + a.By
	}
	return engine.Approval{By: fmt.Sprintf("nobody (%s)", n.Reason), How: how, Reason: n.Reason}, nil
}

// question says in one sentence what a yes will do.
func question(r Request) string {
	t := r.Terms
	verb := "Deploy"
	switch t.Action {
	case engine.Rollback:
		verb = "Roll back to"
	case engine.Migrate:
		verb = "Apply the migration"
	}
	s := fmt.Sprintf("%s %s of %s in %s", verb, t.Tag, t.App, t.Environment)
	switch {
	case t.Action == engine.Rollback:
		s += "; the schema stays as it is"
	case t.Action == engine.Migrate:
	case t.Migration != nil:
		s += ", with a migration"
	default:
		s += ", without a migration"
	}
	if fp := r.Fingerprint; len(fp) >= 12 {
		s += fmt.Sprintf(" (plan %s)", fp[:12])
	}
	return strings.TrimSpace(s) + "?"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
