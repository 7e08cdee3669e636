package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/view"
)

func (a *app) recordCommand() *cobra.Command {
	reason := ""
	manual := &cobra.Command{
		Use:   "manual --reason WHY",
		Short: "Write down that a release was made by hand, and what runs now",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := needsReason(reason); err != nil {
				return err
			}
			return a.reading(func(s *session) (view.Page, error) { return s.RecordManual(c.Context(), reason) })
		},
	}
	manual.Flags().StringVar(&reason, "reason", "", "what was done by hand, and why (needed)")
	return group("record", "Write something down in the ledger", manual)
}
