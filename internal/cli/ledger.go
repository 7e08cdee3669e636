package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"fairlead/internal/chain"
	"fairlead/internal/fault"
)

func (a *app) ledgerCommand() *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "The ledger of all runs", Args: args(cobra.NoArgs), RunE: group}
	c.AddCommand(&cobra.Command{
		Use:   "verify",
		Short: "Check the hash chain of all records",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runLedgerVerify(c.Context(), a) },
	})
	return c
}

// verified is what `ledger verify --json` prints.
type verified struct {
	Holds   bool       `json:"holds"`
	Records int        `json:"records"` // before the first that does not hold, or all
	Head    chain.Hash `json:"head"`
	Broken  string     `json:"broken,omitempty"`
}

// runLedgerVerify reads every line and checks that it follows the one before.
func runLedgerVerify(ctx context.Context, a *app) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	lines, err := p.History().Lines(ctx)
	if err != nil && !errors.Is(err, chain.ErrBroken) {
		return err
	}
	v := verified{}
	if err == nil {
		v.Records, v.Head, err = chain.Verify(func(yield func([]byte, error) bool) {
			for line := range slices.Values(lines) {
				if !yield(line, nil) {
					return
				}
			}
		})
	}
	v.Holds = err == nil
	if err != nil {
		v.Broken = err.Error()
	}
	if a.json {
		a.printJSON(v)
	}
	switch {
	case err != nil:
		return a.brokenLedger(err)
	case a.json:
	case v.Records == 0:
		a.answer("there is no ledger here yet")
	default:
		a.answer("the ledger holds: %d records, head %s", v.Records, v.Head)
	}
	return nil
}

func (a *app) brokenLedger(err error) error {
	f := &fault.Fault{Code: "ledger-broken", What: "the ledger does not hold", Err: err, Outcome: fault.Refused,
		Means: "nothing was changed by this command; the records behind that line prove nothing",
		Do:    []fault.Command{{Line: "fairlead status", Why: "what runs now, whatever the ledger says"}}}
	if a.json {
		a.printFault(f)
		return ended{fault.Refused}
	}
	return f
}
