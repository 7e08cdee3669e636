package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/fault"
	"fairlead/internal/source/file"
	"fairlead/internal/sqlreview"
)

type reviewOptions struct {
	files    []string
	format   string
	rows     int64
	sequence bool
	catalog  string
	database string
}

func (a *app) reviewCommand() *cobra.Command {
	var o reviewOptions
	c := &cobra.Command{
		Use:   "review FILE…",
		Short: "Read migrations like a careful reviewer",
		Long: `Says for each statement what it will do to production, and whether the image that runs now can live with it. Nothing is executed.
Without a catalog of the database doubt blocks. Exit status: 0 pass or warn, 3 block, 1 the files cannot be read.`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.files = args
			return runReview(c.Context(), a, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "text", "text, json or markdown")
	f.Int64Var(&o.rows, "assume-rows", 0, "take every existing table to have this many rows")
	f.BoolVar(&o.sequence, "sequence", false, "the files run one after the other: what one creates, the next one knows")
	f.StringVar(&o.catalog, "catalog", "", "a catalog of the database (JSON), instead of doubt")
	f.StringVar(&o.database, "database", "", "read the catalog of this database first: a URL, env:NAME for one in a variable, or config for the configured one")
	return c
}

// runReview reviews files without a database.
func runReview(ctx context.Context, a *app, o reviewOptions) error {
	if a.json {
		o.format = "json"
	}
	in := sqlreview.Input{Policy: sqlreview.Policy{AssumeRows: o.rows, Sequence: o.sequence}}
	sources := map[string][]byte{}
	for _, name := range o.files {
		sql, err := readLimited(name, file.MaxSQL)
		if err != nil {
			return usagef("review: %w", err)
		}
		in.Files = append(in.Files, sqlreview.File{Name: name, SQL: sql})
		sources[name] = sql
	}
	c, err := a.catalog(ctx, o.catalog, o.database)
	if err != nil {
		return err
	}
	in.Catalog = c
	report := sqlreview.Review(in)
	if err := a.printReview(o.format, report, sources); err != nil {
		return err
	}
	if report.Verdict == sqlreview.Block {
		return ended{fault.Refused}
	}
	return nil
}

func (a *app) printReview(format string, r sqlreview.Report, sources map[string][]byte) error {
	switch format {
	case "text":
		return sqlreview.Text(a.Out, r, sources)
	case "markdown":
		return sqlreview.Markdown(a.Out, r, sources)
	case "json":
		a.printJSON(r)
		return nil
	}
	return usagef("--format %q: it is text, json or markdown", format)
}

// reviewText is the report for the screen.
func reviewText(r sqlreview.Report, sql []byte) string {
	sources := map[string][]byte{}
	for _, f := range r.Files {
		sources[f.Name] = sql
	}
	var b strings.Builder
	if err := sqlreview.Text(&b, r, sources); err != nil {
		return err.Error() + "\n"
	}
	return "\n" + b.String()
}
