package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
	"fairlead/internal/view"
)

type planOptions struct {
	what    string
	release string
	out     string
	runbook bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan TAG | --release FILE",
		Short: "Show what a deployment would do; take no lock, write nothing",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.what = first(args)
			return a.plan(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.release, "release", "", "the release file, instead of the configured source")
	f.StringVarP(&o.out, "output", "o", "", "write the plan into this file, for deploy PLANFILE")
	f.BoolVar(&o.runbook, "as-runbook", false, "print the whole as commands to be typed by hand")
	return c
}

func (a *app) plan(ctx context.Context, o planOptions) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	wanted, err := operate.Find(ctx, c, o.what, o.release)
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
