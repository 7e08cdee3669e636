package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/operate"
	"fairlead/internal/view"
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
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.what = first(args)
			return a.deploy(c.Context(), o)
		},
	}
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

// deploy is one deployment from the command line to its exit status.
func (a *app) deploy(ctx context.Context, o deployOptions) error {
	if o.step && !a.Terminal {
		return operate.Misused("--step needs a terminal to ask at")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	a.leadNote = true
	wanted, err := operate.Find(ctx, c, o.what, o.release)
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
