package step

import (
	"context"
	"fmt"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// Review reads the migration like a careful reviewer and closes the gate at a finding that blocks. Catalog gives what
// the database looks like, or nil when that cannot be known; doubt then blocks.
type Review struct {
	afresh
	Name    string
	SQL     []byte
	Script  *sqltext.Script // SQL as it was parsed already; nil: it is parsed here
	Catalog func(context.Context) (*sqlreview.Catalog, error)
	Policy  sqlreview.Policy
	Waivers func() ([]sqlreview.Waiver, error) // nil: none
	Now     func() time.Time                   // nil: nothing is waived
	InPlace func(context.Context) (int, error) // units that are applied already; nil: none
}

// Reviewed is the evidence of Review. Sum is the SHA-256 over everything that an approval depends on.
type Reviewed struct {
	Verdict       sqlreview.Verdict       `json:"verdict"`
	Compatibility sqlreview.Compatibility `json:"compatibility"`
	Idempotent    sqlreview.Idempotency   `json:"idempotent"`
	Coverage      sqlreview.Coverage      `json:"coverage"`
	Findings      []string                `json:"findings"`         // fingerprints
	Waived        []Waived                `json:"waived,omitempty"` // findings for which somebody answers
	Sum           string                  `json:"sum"`
}

// Waived is a finding that does not block because somebody answers for it.
type Waived struct {
	Rule        string `json:"rule"`
	File        string `json:"file"`
	Line        int    `json:"line"`
	Fingerprint string `json:"fingerprint"`
	How         string `json:"how"`
	By          string `json:"by,omitempty"`
	Reason      string `json:"reason"`
	Until       string `json:"until"`
}

// Kind names the evidence.
func (Reviewed) Kind() engine.Kind { return "reviewed/1" }

// String says what the review found.
func (r Reviewed) String() string {
	waived := ""
	if len(r.Waived) > 0 {
		waived = fmt.Sprintf(", %d waived", len(r.Waived))
	}
	return fmt.Sprintf("%s: %d of %d statements reviewed, %d findings%s; the running image is %s with the new schema",
		r.Verdict, r.Coverage.Reviewed, r.Coverage.Total, len(r.Findings), waived, r.Compatibility)
}

// Blocked is the error of a review that closes the gate; it carries the report for the screen and for the escalation
// note.
type Blocked struct {
	Report sqlreview.Report
	SQL    []byte
}

// Error counts what blocks.
func (b *Blocked) Error() string {
	n := 0
	first := ""
	for _, f := range b.Report.Findings {
		if f.Severity != sqlreview.SeverityBlock || f.Waived != nil {
			continue
		}
		if n++; n == 1 {
			first = fmt.Sprintf("%s:%d:%d: %s [%s]", f.File, f.Line, f.Column, f.Message, f.Rule)
		}
	}
	if n > 1 {
		return fmt.Sprintf("%s, and %d more", first, n-1)
	}
	return first
}

// Spec declares the step.
func (Review) Spec() engine.Spec {
	return engine.Spec{Name: "review", Title: "Review the migration", Effect: engine.ReadsAgain,
		Proves: Reviewed{}.Kind(),
		Runbook: []string{"less migration.sql   # nothing destructive; NOT NULL has a default or a backfill; indexes " +
			"CONCURRENTLY; idempotent"}}
}

// Run reviews.
func (s Review) Run(ctx context.Context, _ engine.Input) (engine.Evidence, error) {
	catalog, err := s.Catalog(ctx)
	if err != nil {
		return nil, refuse("catalog-unreadable", "the catalog of the database cannot be read", err)
	}
	in := sqlreview.Input{Files: []sqlreview.File{{Name: s.Name, SQL: s.SQL, Script: s.Script}}, Catalog: catalog,
		Policy: s.Policy}
	if s.Now != nil {
		in.Now = s.Now()
	}
	if s.Waivers != nil {
		if in.Waivers, err = s.Waivers(); err != nil {
			return nil, refuse("waivers-unreadable", "the file of waivers cannot be used", err)
		}
	}
	if s.InPlace != nil {
		if in.InPlace, err = s.InPlace(ctx); err != nil {
			return nil, refuse("catalog-unreadable", "what of the migration is in place cannot be read", err)
		}
	}
	report := sqlreview.Review(in)
	if report.Verdict == sqlreview.Block {
		return nil, &fault.Fault{Code: "migration-unsafe", What: "the migration must not run as it is",
			Means: "production is unchanged; nothing was attempted",
			Do: []fault.Command{{Line: "fairlead review " + s.Name,
				Why: "each finding with its line and a safe rewrite"}},
			Outcome: fault.Refused, Err: fault.MarkUntouched(&Blocked{Report: report, SQL: s.SQL})}
	}
	return reviewed(report, s.SQL)
}

func reviewed(r sqlreview.Report, sql []byte) (Reviewed, error) {
	e := Reviewed{Verdict: r.Verdict, Compatibility: r.Compatibility, Idempotent: r.Idempotent, Coverage: r.Coverage,
		Findings: []string{}}
	for _, f := range r.Findings {
		e.Findings = append(e.Findings, f.Fingerprint)
		if w := f.Waived; w != nil {
			e.Waived = append(e.Waived, Waived{f.Rule, f.File, f.Line, f.Fingerprint, w.How, w.By, w.Reason, w.Until})
		}
	}
	sum, err := release.Canonical(struct {
		SQL      string
		Reviewed Reviewed
	}{release.SumDigest(sql).Hex(), e})
	e.Sum = sum
	return e, err
}

// CommandReview stands in the place of Review for a migration that is a command: nobody can read what it will do, so
// the gate opens only where somebody answers for exactly this command and these files.
type CommandReview struct {
	afresh
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
		Coverage: sqlreview.Coverage{Total: 1}, Findings: []string{fingerprint}}
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
		Outcome: fault.Refused, Means: "production is unchanged; nothing was attempted", Err: fault.MarkUntouched(why),
		Do: []fault.Command{{Line: "fairlead migrate waive --reason '…' --until 2027-01-31 " + s.Migration.Call(),
			Why: "answers for exactly this command and these files; of a release: --release FILE instead of " +
				"the command"},
			{Line: "docs/migrations.md",
				Why: "how each tool writes SQL instead, which is reviewed and applied exactly once"}}}
}
