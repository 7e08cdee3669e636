package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
	"fairlead/internal/step"
	"fairlead/internal/view"
)

func (a *app) abandonCommand() *cobra.Command {
	var yes bool
	var reason string
	c := command("abandon --reason WHY", "Close the open run and leave everything as it is", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			if err := needsReason(reason); err != nil {
				return err
			}
			return a.acting(yes, func(s *session) (view.Page, error) { return s.Abandon(ctx, reason) })
		})
	takeoverFlags(c, &yes)
	c.Flags().StringVar(&reason, "reason", "", "why, for the record (needed)")
	return c
}

func takeoverFlags(c *cobra.Command, yes *bool) {
	c.Flags().BoolVar(yes, "yes", false, "take over without being asked, even from a holder that gives signs of life")
	c.Flags().BoolVar(yes, "force", false, "the same as --yes")
}

func needsReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return operate.Misused("--reason is needed: it stands in the record")
	}
	return nil
}

func (a *app) resumeCommand() *cobra.Command {
	var yes bool
	var reason, migration string
	c := command("resume", "Look at what is there and go on with the open run", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			if _, err := a.load(); err != nil {
				return err
			}
			var err error
			if a.decided, err = a.decision(migration, reason); err != nil {
				return err
			}
			return a.acting(yes, func(s *session) (view.Page, error) { return s.Resume(ctx, reason, a.decided) })
		})
	takeoverFlags(c, &yes)
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	c.Flags().StringVar(&migration, "migration", "",
		"applied or not-applied: your word on a migration's command whose end is not known; needs --reason")
	return c
}

// decision reads what resume is told about a command whose end is not known.
func (a *app) decision(said, reason string) (step.Decision, error) {
	d := step.Decision{By: a.name(), Reason: reason}
	switch said {
	case "":
		return step.Decision{}, nil
	case "applied":
		d.Applied = "yes"
	case "not-applied":
		d.Applied = "no"
	default:
		return d, operate.Misused("--migration is applied or not-applied, not %q", said)
	}
	if reason == "" {
		return d, operate.Misused("--migration needs --reason: it stands in the record")
	}
	return d, nil
}
