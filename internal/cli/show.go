package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/view"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show [RUN]",
		Short: "Every record of a run; of the last one without RUN",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.reading(func(s *session) (view.Page, error) {
				return nil, a.showRun(c.Context(), s, engine.RunID(first(args)))
			})
		},
	}
}

// showRun prints the records of one run, oldest first; with --json the lines as they are stored.
func (a *app) showRun(ctx context.Context, s *session, run engine.RunID) error {
	all, err := s.Records(ctx, run)
	if err != nil {
		return err
	}
	all.Evidence = a.verbose
	if !a.json || len(all.Records) == 0 {
		a.answer("%s", strings.TrimSuffix(all.Text(), "\n"))
		return nil
	}
	for _, r := range all.Records {
		line, err := r.Line()
		if err != nil {
			return err
		}
		fmt.Fprintf(a.Out, "%s\n", line)
	}
	return nil
}
