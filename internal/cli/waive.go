package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/atomicfile"
	"fairlead/internal/sqlreview"
)

func (a *app) waiveCommand() *cobra.Command {
	var o reviewOptions
	var reason, until string
	c := &cobra.Command{
		Use:   "waive FINGERPRINT FILE",
		Short: "Answer for one finding in one migration, without changing its bytes",
		Long: `Writes a waiver beside the configuration: it names the finding, the SHA-256 of the SQL, who answers, why and until when. A changed
file needs a new one. It stands in the report, in the plan and in the record of the release. Give --catalog or --database as the
review had it: without them other things are found.`,
		Args: args(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, given []string) error {
			o.files = given[1:]
			return a.waive(c.Context(), o, given[0], reason, until)
		},
	}
	a.reviewFlags(c, &o)
	c.Flags().StringVar(&reason, "reason", "", "why this is safe here, in 15 characters or more")
	c.Flags().StringVar(&until, "until", "", "the last day on which it is valid, like 2027-01-31")
	return c
}

func (a *app) waive(ctx context.Context, o reviewOptions, fingerprint, reason, until string) error {
	in, err := a.reviewInput(ctx, o)
	if err != nil {
		return err
	}
	report := sqlreview.Review(in)
	for _, f := range report.Findings {
		if f.Fingerprint != fingerprint {
			continue
		}
		w := sqlreview.Waiver{Fingerprint: fingerprint, Rule: f.Rule, SHA256: report.Files[0].SHA256, File: f.File, By: a.User + "@" + a.Host,
			Reason: reason, Until: until, At: a.Now().UTC().Format(time.RFC3339)}
		if err := w.Check(a.Now()); err != nil {
			return usagef("review waive: %w", err)
		}
		path := a.waivers(o.waivers)
		if err := addWaiver(path, w); err != nil {
			return err
		}
		a.answer("%s: %s [%s] is waived until %s, for this text only", path, f.Message, f.Rule, until)
		return nil
	}
	return usagef("review waive: the review of %s finds nothing with the fingerprint %s", o.files[0], fingerprint)
}

// addWaiver puts a waiver into the file, in place of an older one for the same finding.
func addWaiver(path string, w sqlreview.Waiver) error {
	all, err := assemble.ReadWaivers(path)
	if err != nil {
		return err
	}
	kept := all[:0]
	for _, old := range all {
		if old.Fingerprint != w.Fingerprint || old.SHA256 != w.SHA256 {
			kept = append(kept, old)
		}
	}
	b, err := sqlreview.EncodeWaivers(append(kept, w))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, b, 0o644)
}
