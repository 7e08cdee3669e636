package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"fairlead/internal/sqlreview"
)

func (a *app) catalogCommand() *cobra.Command {
	var database, out string
	c := &cobra.Command{
		Use:   "dump",
		Short: "Write down what the database holds, without its rows",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.dumpCatalog(c.Context(), database, out) },
	}
	c.Flags().StringVar(&database, "database", "config",
		"a URL, env:NAME for one in a variable, or config for the configured one")
	c.Flags().StringVarP(&out, "output", "o", "", "the file to write, instead of standard output")
	return group("catalog", "What the database holds, for the reviewer", c)
}

func (a *app) dumpCatalog(ctx context.Context, database, out string) error {
	c, err := a.workplace().Catalog(ctx, "", database)
	if err != nil {
		return err
	}
	b, err := sqlreview.EncodeCatalog(c)
	if err != nil {
		return err
	}
	if out == "" || out == "-" {
		_, err := a.Out.Write(b)
		return err
	}
	if err := os.WriteFile(out, b, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	a.say("%s: %d relations, %d functions", out, len(c.Tables), len(c.Functions))
	return nil
}
