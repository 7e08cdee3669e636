package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

type deployOptions struct {
	what    string // a tag or a plan file
	release string // a release file
	yes     bool
	reason  string
	step    bool
}

func (a *app) deployCommand() *cobra.Command {
	var o deployOptions
	c := &cobra.Command{
		Use:   "deploy TAG | PLANFILE | --release FILE",
		Short: "Take a release into production",
		Long: `Plans the release, prints the plan, asks for the approval that the configuration demands, and carries it out: images on every host,
backup, migration, services one by one, health, smoke, record. Nothing before the migration changes production.

With a PLANFILE (written by fairlead plan -o) it goes on only if the plan made now is that plan.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.what = args[0]
			}
			return runDeploy(c.Context(), a, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.release, "release", "", "the release file, instead of the configured source")
	f.BoolVar(&o.yes, "yes", false, "confirm without being asked; the record says so")
	f.StringVar(&o.reason, "reason", "", "why, for the record")
	f.BoolVar(&o.step, "step", false, "stop before each act, show the runbook's own command, and ask")
	return c
}

// runDeploy is one deployment from the command line to its exit status.
func runDeploy(ctx context.Context, a *app, o deployOptions) error {
	if o.step && !a.Terminal {
		return usagef("--step needs a terminal to ask at")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	a.noteIn = filepath.Join(filepath.Dir(a.configPath), ".fairlead")
	found, want, err := find(ctx, c, o.what, o.release)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen := a.screen()
	defer screen.close()
	var before func(context.Context, engine.Spec) error
	if o.step {
		before = stepper{app: a, screen: screen, stop: cancel}.before
	}
	p, err := a.open(c, screen.observe, before)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := a.free(ctx, p); err != nil {
		return err
	}
	plan, err := p.PlanDeploy(ctx, found)
	if err != nil {
		return err
	}
	if err := want.same(plan.Terms); err != nil {
		return err
	}
	release := screen.hold()
	if err := a.showPlan(plan); err != nil {
		return err
	}
	if idle, err := p.Idle(ctx, plan); err != nil || idle {
		return a.nothingToDo(ctx, p, plan, err)
	}
	said, err := a.approve(ctx, c, plan.Terms, o.yes, o.reason, o.again())
	if err != nil {
		return err
	}
	release()
	a.Acting.Store(true)
	run, err := p.Engine().Open(ctx, engine.OpenRequest{Run: p.NewRun(), Plan: plan, Approval: said})
	if err != nil {
		return notOpened(err)
	}
	return a.end(ctx, c, p, screen, run.Execute(ctx))
}

// again is the command that would ask for the same once more.
func (o deployOptions) again() string {
	if o.release != "" {
		return "fairlead deploy --release " + quote(o.release)
	}
	return "fairlead deploy " + quote(o.what)
}

// nothingToDo ends a deployment of what runs already: with one look at health, because "nothing to do" is a claim about production.
func (a *app) nothingToDo(ctx context.Context, p Project, plan engine.Plan, err error) error {
	if err != nil {
		return fmt.Errorf("find out whether there is anything to do: %w", err)
	}
	t := plan.Terms
	ok, check, saw := p.LookOnce(ctx)
	if !ok {
		return &fault.Fault{Code: "idle-unhealthy", What: fmt.Sprintf("%s runs already, but %s does not pass: %s", t.Tag, check, saw),
			Means: "nothing was changed by this command; production runs " + t.Tag + " and is not healthy", Outcome: fault.Asking,
			Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead rollback", Why: "brings the images before it back"}}}
	}
	means := fmt.Sprintf("nothing to do: production runs %s, the migration is in place, health passes", t.Tag)
	if t.Migration == nil {
		means = fmt.Sprintf("nothing to do: production runs %s, health passes", t.Tag)
	}
	if a.json {
		a.printJSON(answer{Outcome: fault.Deployed, Exit: 0, Tag: t.Tag, Means: means})
		return nil
	}
	a.answer("%s", means)
	return nil
}

// notOpened is the error of a run that could not be opened. Whatever happened, nothing has acted yet.
func notOpened(err error) error {
	if outcomeOf(err) != fault.Misused {
		return err
	}
	if _, ok := fault.Find(err); ok {
		return err
	}
	return &fault.Fault{Code: "run-not-opened", What: "the run could not be opened in the ledger", Err: err, Outcome: fault.FailedUnchanged,
		Means: "production is unchanged: nothing acts before the run is open; the ledger may hold it open if only the answer was lost",
		Do:    []fault.Command{{Line: "fairlead status", Why: "tells whether a run is open"}, {Line: "fairlead abandon --reason '…'", Why: "closes it, if one is"}}}
}

// lead is who decides when a person must.
func lead(c config.Config) string { return c.Escalation.Lead }
