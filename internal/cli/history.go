package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/ui"
)

func (a *app) historyCommand() *cobra.Command {
	limit := 0
	c := &cobra.Command{
		Use:   "history",
		Short: "All runs, the newest first",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runHistory(c.Context(), a, limit) },
	}
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most; 0 means all")
	return c
}

// runHistory lists runs from the index of the ledger.
func runHistory(ctx context.Context, a *app, limit int) error {
	if limit < 0 {
		return usagef("--limit cannot be negative")
	}
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	runs, err := p.History().Runs(ctx, limit)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(append([]engine.Summary{}, runs...))
		return nil
	}
	if len(runs) == 0 {
		a.answer("no run was ever recorded here")
		return nil
	}
	rows := [][]string{{"RUN", "OPENED", "WHAT", "OUTCOME", "MIGRATED", "TOOK", "BY", "APPROVED BY"}}
	for _, r := range runs {
		rows = append(rows, historyRow(r))
	}
	fmt.Fprint(a.Out, table(rows))
	return nil
}

func historyRow(r engine.Summary) []string {
	outcome, took := "open", "-"
	if !r.Closed.IsZero() {
		outcome, took = outcomeWord(r), ui.Duration(r.Closed.Sub(r.Opened))
	}
	migrated := "no"
	if r.Migrated {
		migrated = "yes"
	}
	return []string{string(r.Run), clock(r.Opened), runName(r), outcome, migrated, took, r.Holder, or(r.Approved, "-")}
}
