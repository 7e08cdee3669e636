package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/operate"
	"fairlead/internal/view"
)

type deployOptions struct {
	release string // a release file
	yes     bool
	reason  string
	step    bool
}

func (a *app) deployCommand() *cobra.Command {
	var o deployOptions
	c := command("deploy TAG | PLANFILE | --release FILE", "Take a release into production", cobra.MaximumNArgs(1),
		func(ctx context.Context, given []string) error { return a.deploy(ctx, first(given), o) })
	f := c.Flags()
	f.StringVar(&o.release, "release", "", "the release file, instead of the configured source")
	f.BoolVar(&o.yes, "yes", false, "confirm without being asked; the record says so")
	f.StringVar(&o.reason, "reason", "", "why, for the record")
	f.BoolVar(&o.step, "step", false, "stop before each act, show the runbook's own command, and ask")
	return c
}

// first gives the only argument, "" without one.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// deploy is one deployment, of a tag or a plan file, from the command line to its exit status.
func (a *app) deploy(ctx context.Context, what string, o deployOptions) error {
	if o.step && !a.Terminal {
		return operate.Misused("--step needs a terminal to ask at")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	a.leadNote = true
	wanted, err := operate.Find(ctx, c, what, o.release)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen := a.screen()
	var before func(context.Context, engine.Spec) error
	if o.step {
		before = a.askBefore(screen, cancel)
	}
	return a.withScreen(c, screen, o.yes, before, func(s *session) (view.Page, error) {
		return s.Deploy(ctx, wanted, o.reason)
	})
}

type planOptions struct {
	release string
	out     string
	runbook bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	c := command("plan TAG | --release FILE",
		"Show what a deployment would do; take no lock, write nothing", cobra.MaximumNArgs(1),
		func(ctx context.Context, given []string) error { return a.plan(ctx, first(given), o) })
	f := c.Flags()
	f.StringVar(&o.release, "release", "", "the release file, instead of the configured source")
	f.StringVarP(&o.out, "output", "o", "", "write the plan into this file, for deploy PLANFILE")
	f.BoolVar(&o.runbook, "as-runbook", false, "print the whole as commands to be typed by hand")
	return c
}

func (a *app) plan(ctx context.Context, what string, o planOptions) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	wanted, err := operate.Find(ctx, c, what, o.release)
	if err != nil {
		return err
	}
	return a.withScreen(c, a.screen(), false, nil, func(s *session) (view.Page, error) {
		plan, err := s.Plan(ctx, wanted)
		if err != nil {
			return nil, err
		}
		if o.out != "" {
			if err := operate.WritePlan(o.out, plan.Terms); err != nil {
				return nil, err
			}
		}
		if o.runbook && !a.json {
			return view.NewRunbook(plan, s.Project.ByHand()), nil
		}
		return view.NewPlan(plan)
	})
}
