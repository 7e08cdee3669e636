package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show [RUN]",
		Short: "Every record of a run; of the last one without RUN",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			run := ""
			if len(args) == 1 {
				run = args[0]
			}
			return runShow(c.Context(), a, engine.RunID(run))
		},
	}
}

// runShow prints the records of one run, oldest first; with --json the raw lines.
func runShow(ctx context.Context, a *app, run engine.RunID) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	if run == "" {
		head, err := p.Ledger().Head(ctx)
		if err != nil {
			return err
		}
		if len(head.Last) == 0 {
			a.answer("no run was ever recorded here")
			return nil
		}
		run = head.Last[0].Run
	}
	records, err := p.Ledger().Records(ctx, run)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return &fault.Fault{Code: "run-not-found", What: fmt.Sprintf("there is no run %q here", plain(string(run))), Outcome: fault.Misused,
			Means: "nothing was attempted; production is unchanged", Do: []fault.Command{{Line: "fairlead history", Why: "lists the runs"}}}
	}
	for _, r := range records {
		if err := a.showRecord(r); err != nil {
			return err
		}
	}
	return nil
}

// showRecord prints one record as one line of words, or as the line that is stored.
func (a *app) showRecord(r engine.Record) error {
	if a.json {
		line, err := r.Line()
		if err != nil {
			return err
		}
		fmt.Fprintf(a.Out, "%s\n", line)
		return nil
	}
	what := string(r.Verdict)
	if r.Step != "" {
		what = fmt.Sprintf("%-9s %s", r.Step, r.Verdict)
	}
	if r.Changed {
		what += " (production changed)"
	}
	a.answer("%s  #%d  %s%s", clock(r.At), r.Fence, what, words(r))
	if r.Verdict == engine.Opened {
		a.showOpening(r)
	}
	if a.verbose && len(r.Evidence) > 0 {
		a.answer("    %s %s", r.Kind, r.Evidence)
	}
	return nil
}

// words is the sentence of a record, or what it notes.
func words(r engine.Record) string {
	switch {
	case r.Why != "":
		return ": " + ui.Clean(r.Why)
	case r.Verdict == engine.Noted:
		return fmt.Sprintf(": %s %s", r.Kind, ui.Clip(ui.Clean(string(r.Evidence)), 160))
	}
	return ""
}

// showOpening adds what was approved, by whom, and what ran before.
func (a *app) showOpening(r engine.Record) {
	var o engine.Opening
	if json.Unmarshal(r.Evidence, &o) != nil {
		a.answer("    this program cannot read the opening of this run")
		return
	}
	a.answer("    plan %s, %s", o.Fingerprint, ui.Clean(o.Approval.String()))
	for _, img := range o.Terms.Images {
		a.answer("    image     %s", strings.TrimSpace(imageChange(img, o.Terms.Baseline)))
	}
	if m := o.Terms.Migration; m != nil {
		a.answer("    migration %s, sha256 %s", ui.Clean(m.Name()), m.SHA256)
	}
	if o.Closes != nil {
		a.answer("    closes    run %s: %s", o.Closes.Run, ui.Clean(o.Closes.Means))
	}
}
