package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead/internal/ui"
	"fairlead/internal/view"
)

type rollbackOptions struct {
	yes     bool
	reason  string
	runbook bool
}

func (a *app) rollbackCommand() *cobra.Command {
	var o rollbackOptions
	c := command("rollback [TAG]", "Bring old images back; the schema stays as it is", cobra.MaximumNArgs(1),
		func(ctx context.Context, given []string) error { return a.rollback(ctx, first(given), o) })
	takeoverFlags(c, &o.yes)
	c.Flags().StringVar(&o.reason, "reason", "", "why, for the record")
	c.Flags().BoolVar(&o.runbook, "as-runbook", false,
		"print the whole as commands to be typed by hand, and do nothing")
	return c
}

func (a *app) rollback(ctx context.Context, tag string, o rollbackOptions) error {
	return a.acting(o.yes, func(s *session) (view.Page, error) {
		way, err := s.PlanRollback(ctx, tag)
		if err != nil {
			return nil, err
		}
		if o.runbook {
			s.screen.close()
			fmt.Fprint(a.Out, ui.Plain(view.NewRunbook(way.Plan, s.Project.ByHand()).Text()))
			return nil, nil
		}
		return s.Rollback(ctx, way, o.reason)
	})
}
