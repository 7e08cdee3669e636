package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/fault"
	"fairlead/internal/source/file"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// maxReviewBytes is how much SQL one call reads, all files together.
const maxReviewBytes = 256 << 20

type reviewOptions struct {
	files    []string
	format   string
	rows     int64
	sequence bool
	catalog  string
	database string
	waivers  string
	explain  string
	trace    string
}

func (a *app) reviewCommand() *cobra.Command {
	var o reviewOptions
	c := &cobra.Command{
		Use:   "review FILE…",
		Short: "Read migrations like a careful reviewer",
		Long: `Says for each statement what it will do to production, and whether the image that runs now can live with it. Nothing is executed.
Without a catalog of the database doubt blocks. FILE may be a pattern like 'migrations/*.sql'.
Exit status: 0 pass or warn, 3 block, 1 the files cannot be read.`,
		Args: func(c *cobra.Command, given []string) error {
			if o.explain != "" {
				return args(cobra.NoArgs)(c, given)
			}
			return args(cobra.MinimumNArgs(1))(c, given)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if o.explain != "" {
				return a.explainRule(o.explain)
			}
			o.files = args
			return runReview(c.Context(), a, o)
		},
	}
	a.reviewFlags(c, &o)
	c.Flags().StringVar(&o.format, "format", "text", "text, json, sarif, github or markdown")
	c.Flags().StringVar(&o.trace, "trace", "", "also apply the files, twice, to this scratch database (URL or env:NAME), and compare; its comment must say "+postgresScratch)
	c.Flags().StringVar(&o.explain, "explain", "", "print the page of a rule instead of reviewing")
	c.AddCommand(a.waiveCommand())
	return c
}

// reviewFlags are those that decide what a review finds.
func (a *app) reviewFlags(c *cobra.Command, o *reviewOptions) {
	f := c.Flags()
	f.Int64Var(&o.rows, "assume-rows", 0, "take every existing table to have this many rows")
	f.BoolVar(&o.sequence, "sequence", false, "the files run one after the other: what one creates, the next one knows")
	f.StringVar(&o.catalog, "catalog", "", "a catalog of the database (JSON), instead of doubt")
	f.StringVar(&o.database, "database", "", "read the catalog of this database first: a URL, env:NAME for one in a variable, or config for the configured one")
	f.StringVar(&o.waivers, "waivers", "", "the file of waivers (default .fairlead/waivers.json beside the configuration)")
}

func (a *app) explainRule(id string) error {
	page, ok := sqlreview.Explain(id)
	if !ok {
		var all []string
		for known := range sqlreview.Rules() {
			all = append(all, known)
		}
		slices.Sort(all)
		return usagef("--explain %s: there is no such rule; there are %s", id, strings.Join(all, ", "))
	}
	a.answer("%s", strings.TrimRight(page, "\n"))
	return nil
}

// waivers is the file of waivers that a call uses.
func (a *app) waivers(named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(filepath.Dir(a.configPath), ".fairlead", "waivers.json")
}

// reviewInput reads everything that a review looks at.
func (a *app) reviewInput(ctx context.Context, o reviewOptions) (sqlreview.Input, error) {
	in := sqlreview.Input{Now: a.Now()}
	var err error
	if in.Policy, err = a.reviewPolicy(); err != nil {
		return in, err
	}
	in.Policy.AssumeRows, in.Policy.Sequence = o.rows, o.sequence
	names, err := matched(o.files)
	if err != nil {
		return in, err
	}
	total := 0
	for _, name := range names {
		sql, err := readSQL(name)
		if err != nil {
			return in, usagef("review: %w", err)
		}
		if total += len(sql); total > maxReviewBytes {
			return in, usagef("review: the files have more than %d MiB together; review them in parts", maxReviewBytes>>20)
		}
		in.Files = append(in.Files, sqlreview.File{Name: name, SQL: sql})
	}
	if in.Waivers, err = assemble.ReadWaivers(a.waivers(o.waivers)); err != nil {
		return in, usagef("--waivers: %w", err)
	}
	in.Catalog, err = a.catalog(ctx, o.catalog, o.database)
	return in, err
}

// reviewPolicy is what the key review of the configuration says; without a configuration, the strict one.
func (a *app) reviewPolicy() (sqlreview.Policy, error) {
	c, err := config.LoadReview(a.configPath)
	if err != nil {
		return sqlreview.Policy{}, err
	}
	return assemble.ReviewPolicy(c)
}

// readSQL reads a migration. One that is too large is cut just above the limit, so that the review refuses it with a place.
func readSQL(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	most := int64(max(file.MaxSQL, sqltext.MaxBytes)) + 1
	b := bytes.NewBuffer(make([]byte, 0, min(st.Size(), most)+bytes.MinRead))
	_, err = b.ReadFrom(io.LimitReader(f, most))
	return b.Bytes(), err
}

// matched gives the files that names and patterns stand for; those of one pattern in order.
func matched(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		if !strings.ContainsAny(name, "*?[") {
			all = append(all, name)
			continue
		}
		if _, err := os.Stat(name); err == nil {
			all = append(all, name)
			continue
		}
		found, err := filepath.Glob(name)
		switch {
		case err != nil:
			return nil, usagef("review: %s: %w", name, err)
		case len(found) == 0:
			return nil, usagef("review: no file is named like %s", name)
		}
		all = append(all, found...)
	}
	return all, nil
}

// calm sets how the process collects garbage while it reviews, and gives what sets it back: rarely for many small files, which is
// faster, and within a bound for large ones.
func calm(files []sqlreview.File) func() {
	total := 0
	for _, f := range files {
		total += len(f.SQL)
	}
	percent, limit := 400, int64(math.MaxInt64)
	if total > calmBytes {
		percent, limit = 25, int64(64<<20+2*total)
	}
	percent, limit = debug.SetGCPercent(percent), debug.SetMemoryLimit(limit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// calmBytes is how much SQL is reviewed without an eye on memory.
const calmBytes = 3 << 20

// runReview reviews files; nothing is executed.
func runReview(ctx context.Context, a *app, o reviewOptions) error {
	if a.json {
		o.format = "json"
	}
	if !slices.Contains([]string{"text", "json", "sarif", "github", "markdown"}, o.format) {
		return usagef("--format %q: it is text, json, sarif, github or markdown", o.format)
	}
	in, err := a.reviewInput(ctx, o)
	if err != nil {
		return err
	}
	defer calm(in.Files)()
	report, err := a.traced(ctx, o, in)
	if err != nil {
		return err
	}
	if err := a.printReview(o.format, report, in.Files); err != nil {
		return err
	}
	if report.Verdict == sqlreview.Block {
		return ended{fault.Refused}
	}
	return nil
}

// postgresScratch is what the comment of a scratch database says.
const postgresScratch = "'fairlead scratch'"

// traced reviews and, when a scratch database is named, tries the files there, one after the other. Without another catalog the
// scratch database's own is taken, as it is before.
func (a *app) traced(ctx context.Context, o reviewOptions, in sqlreview.Input) (sqlreview.Report, error) {
	if o.trace == "" {
		return sqlreview.Review(in), nil
	}
	at, err := a.databaseURL("--trace", o.trace)
	if err != nil {
		return sqlreview.Report{}, err
	}
	copied, err := assemble.CatalogAt(ctx, at)
	if err != nil {
		return sqlreview.Report{}, err
	}
	same := sqlreview.SameShape(in.Catalog, copied)
	if in.Catalog == nil {
		in.Catalog = copied
	}
	in.Policy.Sequence = in.Policy.Sequence || len(in.Files) > 1
	for i, f := range in.Files {
		script, _ := sqltext.Parse(f.SQL) // once, for the review and the trial
		in.Files[i].Script = &script
	}
	report := sqlreview.Review(in)
	for _, f := range in.Files {
		if report.Coverage.Reviewed == 0 || len(f.Script.Problems) > 0 {
			return report, nil // what cannot be read is not tried
		}
		t, err := assemble.TraceAt(ctx, at, *f.Script)
		if err != nil {
			return report, err
		}
		t.SameShape = same
		report = sqlreview.WithTrace(report, f.Name, t)
	}
	return report, nil
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
