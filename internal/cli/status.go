package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/view"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What runs now, by digest, and how far the open run is",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.reading(func(s *session) (view.Page, error) { return s.Status(c.Context()) })
		},
	}
}
