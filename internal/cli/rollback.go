package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/step"
)

type rollbackOptions struct {
	tag     string
	yes     bool
	reason  string
	runbook bool
}

func (a *app) rollbackCommand() *cobra.Command {
	var o rollbackOptions
	c := &cobra.Command{
		Use:   "rollback [TAG]",
		Short: "Bring old images back; the schema stays as it is",
		Long: `Without TAG: closes the open run and brings back what ran before it; with no run open, what ran before the last release.
With TAG: brings back the images that were deployed under it. The schema never goes back by itself.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.tag = args[0]
			}
			return runRollback(c.Context(), a, o)
		},
	}
	takeoverFlags(c, &o.yes)
	c.Flags().StringVar(&o.reason, "reason", "", "why, for the record")
	c.Flags().BoolVar(&o.runbook, "as-runbook", false, "print the whole as commands to be typed by hand, and do nothing")
	return c
}

// runRollback plans the way back, asks, and executes it. An open run is closed by the very record that opens the rollback.
func runRollback(ctx context.Context, a *app, o rollbackOptions) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	p, screen, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	head, err := p.Ledger().Head(ctx)
	if err != nil {
		return err
	}
	way, err := wayBack(ctx, p, head, o.tag)
	if err != nil {
		return err
	}
	plan, err := p.PlanRollback(ctx, way.tag, way.images)
	if errors.Is(err, assemble.ErrNothingToReturnTo) {
		return nothingBefore()
	}
	if err != nil {
		return err
	}
	if o.runbook {
		runbook(a.Out, plan, p.ByHand())
		return nil
	}
	if head.Open() == "" && slices.Equal(plan.Terms.Images, plan.Terms.Baseline) {
		return a.alreadyBack(plan.Terms)
	}
	release := screen.hold()
	if err := a.showPlan(plan); err != nil {
		return err
	}
	a.say("%s\n", schemaSince(ctx, p, way.images))
	if head.Open() != "" {
		if err := a.mayTake(ctx, head, o.yes, o.again()); err != nil {
			return err
		}
	}
	said, err := a.approve(ctx, c, plan.Terms, o.yes, o.reason, o.again())
	if err != nil {
		return err
	}
	release()
	a.Acting.Store(true)
	run, err := p.Engine().Open(ctx, engine.OpenRequest{Run: p.NewRun(), Plan: plan, Approval: said, Closes: closing(a, head, o.reason)})
	if err != nil {
		return notOpened(err)
	}
	a.clearRehearsals(ctx, p)
	return a.end(ctx, c, p, screen, run.Execute(ctx))
}

func (o rollbackOptions) again() string {
	if o.tag == "" {
		return "fairlead rollback"
	}
	return "fairlead rollback " + quote(o.tag)
}

// a way leads back to images that once ran.
type way struct {
	tag    string
	images []release.Image
}

// wayBack finds what to go back to.
func wayBack(ctx context.Context, p Project, head engine.Head, tag string) (way, error) {
	if tag != "" {
		images, err := p.ImagesOf(ctx, tag)
		if err != nil {
			return way{}, noSuchRelease(tag, err)
		}
		return way{tag, images}, nil
	}
	before, err := lastBaseline(ctx, p, head)
	if err != nil {
		return way{}, err
	}
	if len(before) == 0 {
		return way{}, nothingBefore()
	}
	name, err := p.TagOf(ctx, before)
	return way{name, before}, err
}

// lastBaseline gives what ran before the open run or, where none is open, before the last release that was deployed.
func lastBaseline(ctx context.Context, p Project, head engine.Head) ([]release.Image, error) {
	if head.Open() != "" {
		o, err := engine.OpeningOf(head.Last)
		if err == nil && o.Terms.Action == engine.Migrate {
			return nil, migrationOpen(head.Open(), o.Terms.Tag)
		}
		if err == nil && o.Terms.Action == engine.Rollback {
			return nil, rollbackOpen(head.Open(), o.Terms.Tag)
		}
		return o.Terms.Baseline, err
	}
	runs, err := p.History().Runs(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, s := range runs {
		if s.Action == engine.Deploy && s.Outcome == fault.Deployed {
			o, err := p.Opening(ctx, s.Run)
			return o.Terms.Baseline, err
		}
	}
	return nil, nil
}

// closing is how an open run ends when a rollback follows it; nil when none is open.
func closing(a *app, head engine.Head, reason string) *engine.Closing {
	if head.Open() == "" {
		return nil
	}
	c := step.GivenUp(head.Last, a.holder(), reason)
	return &c
}

func (a *app) alreadyBack(t engine.Terms) error {
	means := fmt.Sprintf("nothing to do: the images of %s run already; name a release to go further back (fairlead history)", t.Tag)
	if a.json {
		a.printJSON(answer{Outcome: fault.Deployed, Tag: t.Tag, Means: means})
		return nil
	}
	a.answer("%s", means)
	return nil
}

func nothingBefore() error {
	return &fault.Fault{Code: "nothing-to-return-to", What: "there is nothing to go back to: nothing ran before the first deployment", Outcome: fault.Refused,
		Means: "nothing was changed by this command",
		Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead resume", Why: "goes on with an open run"},
			{Line: "fairlead abandon --reason '…'", Why: "closes an open run as it is"}}}
}

func noSuchRelease(tag string, err error) error {
	return &fault.Fault{Code: "release-never-ran", What: "release " + tag + " cannot be brought back", Err: err, Outcome: fault.Refused,
		Means: "nothing was changed by this command", Do: []fault.Command{{Line: "fairlead history", Why: "lists what was deployed here"}}}
}

func migrationOpen(run engine.RunID, tag string) error {
	return &fault.Fault{Code: "migration-open", What: fmt.Sprintf("run %s applies the migration %s, and a schema never goes back by itself", run, tag), Outcome: fault.Refused,
		Means: "nothing was changed by this command",
		Do: []fault.Command{{Line: "fairlead migrate status", Why: "what is applied"}, {Line: "fairlead resume", Why: "goes on with that migration"},
			{Line: "fairlead abandon --reason '…'", Why: "closes it as it is"}}}
}

func rollbackOpen(run engine.RunID, tag string) error {
	return &fault.Fault{Code: "rollback-open", What: fmt.Sprintf("run %s is itself a rollback, to %s, and has not come to its end", run, tag), Outcome: fault.Refused,
		Means: "nothing was changed by this command",
		Do: []fault.Command{{Line: "fairlead resume", Why: "goes on with that rollback"},
			{Line: "fairlead rollback TAG", Why: "closes it and goes to another release"}}}
}
