package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) notesCommand() *cobra.Command {
	c := &cobra.Command{Use: "notes", Short: "Notes that tell people", Args: args(cobra.NoArgs), RunE: group}
	c.AddCommand(&cobra.Command{
		Use:   "resend",
		Short: "Send the notes that wait in the outbox",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runNotesResend(c.Context(), a) },
	})
	return c
}

// runNotesResend sends what waits.
func runNotesResend(ctx context.Context, a *app) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Resend(ctx); err != nil {
		return err
	}
	a.answer("nothing waits in the outbox any more")
	return nil
}
