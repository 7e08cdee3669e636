package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/operate"
	"fairlead/internal/sqlreview"
)

func (a *app) databaseCommand() *cobra.Command {
	var print bool
	setup := command("setup --print", "Print the statements that make the place of the markers", cobra.NoArgs,
		func(context.Context, []string) error { return a.printSetup(print) })
	setup.Flags().BoolVar(&print, "print", false, "print the statements (the only thing it does)")
	return group("database", "What fairlead needs in the database", setup)
}

// printSetup prints the statements; it opens no connection.
func (a *app) printSetup(print bool) error {
	if !print {
		return operate.Misused("database setup prints and does nothing else: say --print")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	sql, err := assemble.SetupSQL(c)
	if err != nil {
		return err
	}
	a.answer("%s", sql)
	return nil
}

func (a *app) catalogCommand() *cobra.Command {
	var database, out string
	c := command("dump", "Write down what the database holds, without its rows", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.dumpCatalog(ctx, database, out) })
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
