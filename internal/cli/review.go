package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/fault"
	"fairlead/internal/operate"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

// scratchComment is what the comment of a scratch database says.
const scratchComment = "'fairlead scratch'"

func (a *app) reviewCommand() *cobra.Command {
	var r operate.ReviewRequest
	var format, explain string
	files := func(c *cobra.Command, given []string) error {
		if explain != "" {
			return cobra.NoArgs(c, given)
		}
		return cobra.MinimumNArgs(1)(c, given)
	}
	c := command("review FILE…", "Read migrations like a careful reviewer", files,
		func(ctx context.Context, given []string) error {
			if explain != "" {
				return a.explainRule(explain)
			}
			r.Files = given
			return a.review(ctx, r, format)
		})
	reviewFlags(c, &r)
	c.Flags().StringVar(&format, "format", "text", "text, json, sarif, github or markdown")
	c.Flags().StringVar(&r.Trace, "trace", "",
		"also apply the files, twice, to this scratch database (URL or env:NAME), and compare; its comment must "+
			"say "+scratchComment)
	c.Flags().StringVar(&explain, "explain", "", "print the page of a rule instead of reviewing")
	c.AddCommand(a.waiveCommand())
	return c
}

// reviewFlags are those that decide what a review finds.
func reviewFlags(c *cobra.Command, r *operate.ReviewRequest) {
	f := c.Flags()
	f.Int64Var(&r.Rows, "assume-rows", 0, "take every existing table to have this many rows")
	f.BoolVar(&r.Sequence, "sequence", false, "the files run one after the other: what one creates, the next one knows")
	f.StringVar(&r.Catalog, "catalog", "", "a catalog of the database (JSON), instead of doubt")
	f.StringVar(&r.Database, "database", "",
		"read the catalog of this database first: a URL, env:NAME for one in a variable, or config for the "+
			"configured one")
	f.StringVar(&r.Waivers, "waivers", "",
		"the file of waivers (default .fairlead/waivers.json beside the configuration)")
}

func (a *app) explainRule(id string) error {
	page, ok := sqlreview.Explain(id)
	if !ok {
		all := slices.Sorted(maps.Keys(sqlreview.Rules()))
		return operate.Misused("--explain %s: there is no such rule; there are %s", id, strings.Join(all, ", "))
	}
	a.answer("%s", strings.TrimRight(page, "\n"))
	return nil
}

// review reviews files; nothing is executed.
func (a *app) review(ctx context.Context, r operate.ReviewRequest, format string) error {
	if a.json {
		format = "json"
	}
	if !slices.Contains([]string{"text", "json", "sarif", "github", "markdown"}, format) {
		return operate.Misused("--format %q: it is text, json, sarif, github or markdown", format)
	}
	w := a.workplace()
	in, err := w.ReviewInput(ctx, r, a.Now())
	if err != nil {
		return err
	}
	defer operate.TuneMemory(in.Files)()
	report, err := w.Review(ctx, r, in)
	if err != nil {
		return err
	}
	if err := a.printReview(format, report, in.Files); err != nil {
		return err
	}
	if report.Verdict == sqlreview.Block {
		return ended{fault.Refused}
	}
	return nil
}

func (a *app) printReview(format string, r sqlreview.Report, files []sqlreview.File) error {
	sources := map[string][]byte{}
	for _, f := range files {
		sources[f.Name] = f.SQL
	}
	switch format {
	case "markdown":
		return sqlreview.Markdown(a.Out, r, sources)
	case "sarif":
		return sqlreview.SARIF(a.Out, r)
	case "github":
		return sqlreview.Annotations(a.Out, r)
	case "json":
		a.printJSON(r)
		return nil
	}
	return sqlreview.Text(a.Out, r, sources)
}

// reviewText is the report of a migration that was refused.
func reviewText(blocked *step.Blocked) string {
	var b strings.Builder
	if err := sqlreview.Text(&b, blocked.Report, operate.Sources(blocked)); err != nil {
		return err.Error() + "\n"
	}
	return b.String()
}

func (a *app) waiveCommand() *cobra.Command {
	var r operate.ReviewRequest
	var reason, until string
	c := command("waive FINGERPRINT FILE",
		"Answer for one finding in one migration, without changing its bytes", cobra.ExactArgs(2),
		func(ctx context.Context, given []string) error {
			r.Files = given[1:]
			w := a.workplace()
			answer := operate.Answer{By: a.name(), Reason: reason, Until: until, Now: a.Now()}
			f, err := w.WaiveFinding(ctx, r, given[0], answer)
			if err != nil {
				return err
			}
			a.answer("%s: %s [%s] is waived until %s, for this text only", w.WaiverFile(r.Waivers), f.Message, f.Rule,
				until)
			return nil
		})
	reviewFlags(c, &r)
	c.Flags().StringVar(&reason, "reason", "", "why this is safe here, in 15 characters or more")
	c.Flags().StringVar(&until, "until", "", "the last day on which it is valid, like 2027-01-31")
	return c
}
