package operate

import (
	"context"
	"fmt"
	"slices"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
	"fairlead/internal/view"
)

// schemaChanges walks the ledger back to where the images ran last: to the run that brought them, or that found them
// running before it began. Whatever was applied later counts. What the ledger does not tell is a gap.
func (o *Operator) schemaChanges(ctx context.Context, images []release.Image) view.SchemaChanges {
	var s view.SchemaChanges
	runs, err := o.Project.History().Runs(ctx, 0)
	if err != nil {
		return view.SchemaChanges{Gap: "the history cannot be read: " + err.Error()}
	}
	for _, run := range runs {
		done, gap := o.passRun(ctx, &s, run, images)
		if gap != "" {
			return view.SchemaChanges{Gap: gap}
		}
		if done {
			return s
		}
	}
	return view.SchemaChanges{Gap: "the ledger does not say when they ran last"}
}

// passRun takes one run, newest first; done says that the images ran when it began or when it ended.
func (o *Operator) passRun(ctx context.Context, s *view.SchemaChanges, run engine.Summary,
	images []release.Image) (done bool, gap string) {
	if run.Action == "" {
		return false, fmt.Sprintf("%s was done by hand, or cannot be read, and may have changed the schema", run.Run)
	}
	var opening engine.Opening
	records, err := o.Project.Ledger().Records(ctx, run.Run)
	if err == nil {
		opening, err = engine.OpeningOf(records)
	}
	if err != nil {
		return false, fmt.Sprintf("run %s cannot be read: %v", run.Run, err)
	}
	brought := run.Outcome == fault.Deployed || run.Outcome == fault.RolledBack
	if brought && opening.Terms.Action != engine.Migrate && slices.Equal(opening.Terms.Images, images) {
		return true, ""
	}
	if run.Migrated || step.MayHaveMigrated(records) || appliedElsewhere(records) {
		judged := sqlreview.Unknown
		if r, err := engine.Recall[step.Reviewed](opening.Proofs); err == nil {
			judged = r.Compatibility
		}
		s.Migrations = append(s.Migrations, view.AppliedMigration{Tag: opening.Terms.Tag, Run: run.Run, Judged: judged})
	}
	return len(images) > 0 && slices.Equal(opening.Terms.Baseline, images), ""
}

// appliedElsewhere tells whether a run found its migration applied by somebody who keeps no record here: when, nobody
// knows.
func appliedElsewhere(records []engine.Record) bool {
	for _, r := range records {
		if r.Step != "migrate" || r.Verdict != engine.Proven {
			continue
		}
		m, err := engine.Recall[step.Migrated](engine.Proofs{r.Kind: r.Evidence})
		return err != nil || m.Units > 0 && m.Here == 0 && m.By == ""
	}
	return false
}
