package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/view"
)

func (a *app) notesCommand() *cobra.Command {
	return group("notes", "Notes that tell people", &cobra.Command{
		Use:   "resend",
		Short: "Send the notes that wait in the outbox",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.reading(func(s *session) (view.Page, error) {
				if err := s.Project.Resend(c.Context()); err != nil {
					return nil, err
				}
				a.answer("nothing waits in the outbox any more")
				return nil, nil
			})
		},
	})
}
