package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/fault"
	"fairlead/internal/view"
)

func (a *app) ledgerCommand() *cobra.Command {
	return group("ledger", "The ledger of all runs",
		a.reader("verify", "Check the hash chain of all records", a.verifyLedger))
}

// verifyLedger gives programs one object about a ledger that does not hold, and people the fault.
func (a *app) verifyLedger(s *session, ctx context.Context) (view.Page, error) {
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
}
