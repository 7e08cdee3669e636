package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

// since is what happened to the schema since images last ran: the migrations that were applied, newest first, and what their reviews
// say together. Gap says why that is not known; then nothing is.
type since struct {
	Migrations []passed
	Gap        string
}

// passed is one migration that was applied, and what its review said about images from before it.
type passed struct {
	Tag    string
	Run    engine.RunID
	Judged sqlreview.Compatibility
}

// Judged is the worst of what the reviews say; unknown with a gap.
func (s since) Judged() sqlreview.Compatibility {
	if s.Gap != "" {
		return sqlreview.Unknown
	}
	worst := sqlreview.Compatible
	for _, m := range s.Migrations {
		worst = sqlreview.Worse(worst, m.Judged)
	}
	return worst
}

// String says it in one sentence.
func (s since) String() string {
	var all []string
	for _, m := range s.Migrations {
		if m.Judged != sqlreview.Compatible {
			all = append(all, fmt.Sprintf("%s is %s", m.Tag, m.Judged))
		}
	}
	about := ""
	if n := len(s.Migrations); n > 1 {
		about = fmt.Sprintf(" after %d migrations", n)
	}
	if len(all) > 0 && len(s.Migrations) > 1 {
		about += " (" + strings.Join(all, ", ") + ")"
	}
	switch s.Judged() {
	case sqlreview.Unknown:
		if s.Gap != "" {
			return "whether the old images work on the schema of now is unknown: " + s.Gap
		}
		return "whether the old images work on the new schema is unknown" + about
	case sqlreview.Incompatible:
		return "the old images are INCOMPATIBLE with the new schema" + about + ": they will fail; mend forward, or restore the backup"
	case sqlreview.Conditional:
		return fmt.Sprintf("the review found the old images compatible on conditions%s: read fairlead show %s first", about, s.conditional())
	}
	if len(s.Migrations) == 0 {
		return "the schema is unchanged since the old images ran, so they find what they knew"
	}
	return "the review found the old images compatible with the new schema" + about
}

func (s since) conditional() engine.RunID {
	for _, m := range s.Migrations {
		if m.Judged == sqlreview.Conditional {
			return m.Run
		}
	}
	return ""
}

// schemaSince walks the ledger back to where the images ran last: to the run that brought them, or that found them running before it
// began. Whatever was applied later counts. What the ledger does not tell is a gap.
func schemaSince(ctx context.Context, p Project, images []release.Image) since {
	var s since
	runs, err := p.History().Runs(ctx, 0)
	if err != nil {
		return since{Gap: "the history cannot be read: " + err.Error()}
	}
	for _, run := range runs {
		done, gap := s.pass(ctx, p, run, images)
		if gap != "" {
			return since{Gap: gap}
		}
		if done {
			return s
		}
	}
	return since{Gap: "the ledger does not say when they ran last"}
}

// pass takes one run, newest first; done says that the images ran when it began or when it ended.
func (s *since) pass(ctx context.Context, p Project, run engine.Summary, images []release.Image) (done bool, gap string) {
	if run.Action == "" {
		return false, fmt.Sprintf("%s was done by hand, or cannot be read, and may have changed the schema", run.Run)
	}
	records, err := p.Ledger().Records(ctx, run.Run)
	if err != nil {
		return false, fmt.Sprintf("run %s cannot be read: %v", run.Run, err)
	}
	o, err := engine.OpeningOf(records)
	if err != nil {
		return false, fmt.Sprintf("run %s cannot be read: %v", run.Run, err)
	}
	brought := run.Outcome == fault.Deployed || run.Outcome == fault.RolledBack
	if brought && o.Terms.Action != engine.Migrate && slices.Equal(o.Terms.Images, images) {
		return true, ""
	}
	if run.Migrated || step.MayHaveMigrated(records) || elsewhere(records) {
		judged := sqlreview.Unknown
		if r, err := engine.Recall[step.Reviewed](o.Proofs); err == nil {
			judged = r.Compatibility
		}
		s.Migrations = append(s.Migrations, passed{o.Terms.Tag, run.Run, judged})
	}
	return len(images) > 0 && slices.Equal(o.Terms.Baseline, images), ""
}

// elsewhere tells whether a run found its migration applied by somebody who keeps no record here: when, nobody knows.
func elsewhere(records []engine.Record) bool {
	for _, r := range records {
		if r.Step != "migrate" || r.Verdict != engine.Proven {
			continue
		}
		proofs := engine.Proofs{r.Kind: r.Evidence}
		m, err := engine.Recall[step.Migrated](proofs)
		return err != nil || m.Units > 0 && m.Here == 0 && m.By == ""
	}
	return false
}
