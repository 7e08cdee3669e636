package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/view"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Ask hosts, registry and database whether a release could be made; change nothing",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.check(c.Context()) },
	}
}

// check also tells people about an open run: it stands in the way of the next release.
func (a *app) check(ctx context.Context) error {
	return a.acting(false, func(s *session) (view.Page, error) {
		page, err := s.Check(ctx)
		if err != nil || a.json {
			return page, err
		}
		s.screen.close()
		a.show(page)
		if err := s.Free(ctx); err != nil {
			return nil, err
		}
		a.answer("ready for a release")
		return nil, nil
	})
}
