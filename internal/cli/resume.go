package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/operate"
	"fairlead/internal/step"
	"fairlead/internal/view"
)

func (a *app) resumeCommand() *cobra.Command {
	var yes bool
	var reason, migration string
	c := &cobra.Command{
		Use:   "resume",
		Short: "Look at what is there and go on with the open run",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := a.load(); err != nil {
				return err
			}
			var err error
			if a.decided, err = a.decision(migration, reason); err != nil {
				return err
			}
			return a.acting(yes, func(s *session) (view.Page,
				error) {
				return s.Resume(c.Context(), reason, a.decided)
			})
		},
	}
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
