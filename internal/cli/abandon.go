package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

type abandonOptions struct {
	yes    bool
	reason string
}

func (a *app) abandonCommand() *cobra.Command {
	var o abandonOptions
	c := &cobra.Command{
		Use:   "abandon --reason WHY",
		Short: "Close the open run and leave everything as it is",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runAbandon(c.Context(), a, o) },
	}
	takeoverFlags(c, &o.yes)
	c.Flags().StringVar(&o.reason, "reason", "", "why, for the record (needed)")
	return c
}

// runAbandon closes the open run after making sure that its holder can change nothing more.
func runAbandon(ctx context.Context, a *app, o abandonOptions) error {
	if strings.TrimSpace(o.reason) == "" {
		return usagef("--reason is needed: it stands in the record")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	p, _, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	head, err := p.Ledger().Head(ctx)
	if err != nil {
		return err
	}
	if head.Open() == "" {
		return a.nothingOpen("abandon")
	}
	opening, err := engine.OpeningOf(head.Last)
	if err != nil {
		return err
	}
	if err := a.mayTake(ctx, head, o.yes, "fairlead abandon --reason "+quote(o.reason)); err != nil {
		return err
	}
	plan, err := p.Replan(ctx, opening)
	if err != nil {
		return cannotReplan(head.Open(), err)
	}
	a.Acting.Store(true)
	closed, err := p.Engine().Abandon(ctx, opening, plan.Steps, o.reason)
	if errors.Is(err, engine.ErrNoRun) {
		return a.nothingOpen("abandon")
	}
	if err != nil {
		return notAbandoned(err)
	}
	a.clearRehearsals(ctx, p)
	if err := p.Awaken(ctx, true); err != nil {
		return err
	}
	a.announce(ctx, p, engine.Ending{Run: closed.Run, Outcome: closed.Outcome, Means: closed.Means, Closing: closed, Opening: opening, Proofs: opening.Proofs})
	if a.json {
		a.printJSON(struct {
			Run     engine.RunID   `json:"run"`
			Closing engine.Closing `json:"closing"`
		}{closed.Run, closed})
		return nil
	}
	a.answer("run %s is closed: %s", closed.Run, closed.Means)
	return nil
}

func notAbandoned(err error) error {
	if outcomeOf(err) != fault.Misused {
		return err
	}
	if _, ok := fault.Find(err); ok {
		return err
	}
	return &fault.Fault{Code: "run-not-abandoned", What: "the run could not be closed", Err: err, Outcome: fault.Unknown,
		Means: "this command changed nothing in production; the run stays open, and its old holder may still be at work where its number could not be raised",
		Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"},
			{Line: fmt.Sprintf("fairlead abandon --reason %s --yes", "'…'"), Why: "tries again"}}}
}
