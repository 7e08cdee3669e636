package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
	"fairlead/internal/view"
)

func (a *app) abandonCommand() *cobra.Command {
	var yes bool
	var reason string
	c := &cobra.Command{
		Use:   "abandon --reason WHY",
		Short: "Close the open run and leave everything as it is",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := needsReason(reason); err != nil {
				return err
			}
			return a.acting(yes, func(s *session) (view.Page, error) { return s.Abandon(c.Context(), reason) })
		},
	}
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
