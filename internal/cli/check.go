package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead/internal/ui"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Ask hosts, registry and database whether a release could be made; change nothing",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runCheck(c.Context(), a) },
	}
}

// runCheck asks everything that can be asked without a release.
func runCheck(ctx context.Context, a *app) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	p, screen, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	checked, err := p.Check(ctx)
	if err != nil {
		return err
	}
	screen.close()
	if a.json {
		a.printJSON(checked)
		return nil
	}
	rows := [][]string{{"HOST", "ENGINE", "COMPOSE", "PLATFORM", "FREE", "CLOCK", "SERVICES"}}
	for _, h := range checked.Observation.Hosts {
		rows = append(rows, []string{h.Name, h.Engine, h.Compose, h.Platform, ui.Bytes(h.Free), ui.Duration(h.Skew), fmt.Sprint(len(h.Services))})
	}
	fmt.Fprint(a.Out, table(rows))
	if d := checked.Database; d != nil {
		a.answer("database %s: PostgreSQL %s, pg_dump %s, %s, as %s", d.Database, d.Server, d.Dumper, ui.Bytes(d.Size), d.Role)
		for _, n := range d.Notes {
			a.answer("  note: %s", n)
		}
	}
	if b := checked.Backups; b != nil {
		a.answer("backups: %s", b.Place)
		for _, n := range b.Notes {
			a.answer("  note: %s", n)
		}
	}
	ledger := "none yet; the first run makes it"
	if checked.Ledger != "" {
		ledger = checked.Ledger
	}
	a.answer("ledger: %s", ledger)
	return a.checkRun(ctx, p)
}

// checkRun tells about an open run: it stands in the way of the next release.
func (a *app) checkRun(ctx context.Context, p Project) error {
	if err := a.free(ctx, p); err != nil {
		return err
	}
	a.answer("ready for a release")
	return nil
}
