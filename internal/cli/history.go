package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/operate"
	"fairlead/internal/view"
)

func (a *app) historyCommand() *cobra.Command {
	limit := 0
	c := &cobra.Command{
		Use:   "history",
		Short: "All runs, the newest first",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return operate.Misused("--limit cannot be negative")
			}
			return a.reading(func(s *session) (view.Page, error) { return s.History(c.Context(), limit) })
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most; 0 means all")
	return c
}
