package step

import (
	"context"
	"fmt"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
)

// CommandReview stands in the place of Review for a migration that is a command: nobody can read what it will do, so
// the gate opens only where somebody answers for exactly this command and these files.
type CommandReview struct {
	Migration release.Migration
	Check     func() error // the files are those that were approved
	Waivers   func() ([]sqlreview.Waiver, error)
	Now       func() time.Time
}

// CommandRule is the rule that a command breaks by its nature.
const CommandRule = "unreviewable"

// CommandFingerprint names the finding that a waiver of a command speaks for.
func CommandFingerprint(m release.Migration) string {
	return release.SumDigest([]byte("command " + m.SHA256)).Hex()[:16]
}

// Spec declares the step: the same gate as Review.
func (CommandReview) Spec() engine.Spec {
	return engine.Spec{Name: "review", Title: "Ask who answers for the migration's command", Effect: engine.ReadsAgain,
		Proves:  Reviewed{}.Kind(),
		Runbook: []string{"# the migration is a command: nobody has read the SQL that it will run"}}
}

// Probe leaves everything to Run.
func (CommandReview) Probe(context.Context, engine.Input) (engine.Observation, error) {
	return fresh, nil
}

// Run looks for the waiver.
func (s CommandReview) Run(context.Context, engine.Input) (engine.Evidence, error) {
	if s.Check != nil {
		if err := s.Check(); err != nil {
			return nil, refuse("command-changed",
				"the files of the migration's command are not those that it was bound to", err)
		}
	}
	all, err := s.Waivers()
	if err != nil {
		return nil, refuse("waivers-unreadable", "the file of waivers cannot be used", err)
	}
	fingerprint := CommandFingerprint(s.Migration)
	e := Reviewed{Verdict: sqlreview.Warn, Compatibility: sqlreview.Unknown, Idempotent: sqlreview.NotIdempotent,
		Coverage: sqlreview.Coverage{Total: 1},
		Findings: []string{fingerprint}}
	var why error = fmt.Errorf("nobody answers for it")
	for _, w := range all {
		if w.Fingerprint != fingerprint || w.SHA256 != s.Migration.SHA256 || w.Rule != CommandRule {
			continue
		}
		if why = w.Check(s.Now()); why == nil {
			e.Waived = []Waived{{Rule: w.Rule, File: s.Migration.Line(), Fingerprint: fingerprint, How: "waiver",
				By: w.By, Reason: w.Reason, Until: w.Until}}
			e.Sum, err = release.Canonical(struct {
				Command  string
				Reviewed Reviewed
			}{s.Migration.SHA256, e})
			return e, err
		}
	}
	return nil, &fault.Fault{Code: "command-unreviewed",
		What:    "the migration is a command, and nobody can read what it will do: " + s.Migration.Line(),
		Outcome: fault.Refused,
		Means:   "production is unchanged; nothing was attempted", Err: fault.MarkUntouched(why),
		Do: []fault.Command{{Line: "fairlead migrate waive --reason '…' --until 2027-01-31 " + s.Migration.Call(),
			Why: "answers for exactly this command and these files; of a release: --release FILE instead of " +
				"the command"},
			{Line: "docs/migrations.md",
				Why: "how each tool writes SQL instead, which is reviewed and applied exactly once"}}}
}
