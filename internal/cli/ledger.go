package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/fault"
	"fairlead/internal/view"
)

func (a *app) ledgerCommand() *cobra.Command {
	return group("ledger", "The ledger of all runs", &cobra.Command{
		Use:   "verify",
		Short: "Check the hash chain of all records",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.verifyLedger(c.Context()) },
	})
}

// verifyLedger gives programs one object about a ledger that does not hold, and people the fault.
func (a *app) verifyLedger(ctx context.Context) error {
	return a.reading(func(s *session) (view.Page, error) {
		page, err := s.CheckLedger(ctx)
		switch f, _ := fault.Find(err); {
		case err == nil:
			return page, nil
		case page == nil || !a.json:
			return nil, err
		default:
			a.show(page)
			a.printFault(f)
			return nil, ended{f.Outcome}
		}
	})
}
