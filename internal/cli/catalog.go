package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/sqlreview"
)

// maxCatalogFile is how large a catalog may be as a file.
const maxCatalogFile = 64 << 20

func (a *app) catalogCommand() *cobra.Command {
	group := &cobra.Command{Use: "catalog", Short: "What the database holds, for the reviewer", Args: args(cobra.NoArgs), RunE: group}
	var database, out string
	c := &cobra.Command{
		Use:   "dump",
		Short: "Write down what the database holds, without its rows",
		Long: `Writes tables, columns, constraints, indexes, views and estimates of sizes as JSON: what review needs to know instead of doubting.
It reads one read-only snapshot, needs no privilege on any table, and holds no value of any row. The order is always the same, one
relation a line, so that two dumps can be compared. The only rows that are read are the names in __EFMigrationsHistory.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.dumpCatalog(c.Context(), database, out) },
	}
	c.Flags().StringVar(&database, "database", "config", "a URL, env:NAME for one in a variable, or config for the configured one")
	c.Flags().StringVarP(&out, "output", "o", "", "the file to write, instead of standard output")
	group.AddCommand(c)
	return group
}

func (a *app) dumpCatalog(ctx context.Context, database, out string) error {
	c, err := a.catalog(ctx, "", database)
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

// catalog gives the catalog that a call names: a file, a database, or none (nil).
func (a *app) catalog(ctx context.Context, file, database string) (*sqlreview.Catalog, error) {
	switch {
	case file != "" && database != "":
		return nil, usagef("--catalog and --database: name one of them")
	case file != "":
		b, err := readLimited(file, maxCatalogFile)
		if err != nil {
			return nil, usagef("--catalog %s: %w", file, err)
		}
		c, err := sqlreview.DecodeCatalog(b)
		if err != nil {
			return nil, usagef("--catalog %s: %w", file, err)
		}
		return c, nil
	case database == "":
		return nil, nil
	case database == "config":
		c, err := a.load()
		if err != nil {
			return nil, err
		}
		return assemble.CatalogOf(ctx, c)
	}
	at, err := a.databaseURL("--database", database)
	if err != nil {
		return nil, err
	}
	return assemble.CatalogAt(ctx, at)
}

// databaseURL reads a URL from an argument: itself, or env:NAME. A password among the arguments is seen by everybody on the machine.
func (a *app) databaseURL(flag, value string) (config.Secret, error) {
	if name, ok := strings.CutPrefix(value, "env:"); ok {
		v, set := a.Env(name)
		if !set || v == "" {
			return config.Secret{}, usagef("%s env:%s: the variable %s is not set", flag, name, name)
		}
		return config.NewSecret(v), nil
	}
	if u, err := url.Parse(value); err == nil {
		if _, password := u.User.Password(); password {
			a.say("warning: %s holds a password, and other users of this machine can see arguments; %s env:NAME reads the URL from a variable", flag, flag)
		}
	}
	return config.NewSecret(value), nil
}
