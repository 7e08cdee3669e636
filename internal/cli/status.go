package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/view"
)

func (a *app) statusCommand() *cobra.Command {
	return a.reader("status", "What runs now, by digest, and how far the open run is", (*session).Status)
}

func (a *app) checkCommand() *cobra.Command {
	return command("check",
		"Ask hosts, registry and database whether a release could be made; change nothing", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.check(ctx) })
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
