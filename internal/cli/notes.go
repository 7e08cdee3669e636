package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/view"
)

func (a *app) notesCommand() *cobra.Command {
	return group("notes", "Notes that tell people", a.reader("resend", "Send the notes that wait in the outbox",
		func(s *session, ctx context.Context) (view.Page, error) {
			if err := s.Project.Resend(ctx); err != nil {
				return nil, err
			}
			a.answer("nothing waits in the outbox any more")
			return nil, nil
		}))
}
