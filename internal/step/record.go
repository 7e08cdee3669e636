package step

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fence"
	"fairlead/internal/notify"
)

// keeper stores a file of the run on the first host.
type keeper interface {
	StoreFile(ctx context.Context, t fence.Ticket, name string, content []byte) error
}

// Record writes the runbook's facts down, in the ledger and as a copy on the first host. That the copy cannot be
// written is said and changes no outcome. Alone makes it the record of a migration without a deployment, of which there
// is no copy.
type Record struct {
	afresh
	Target keeper
	Alone  bool
	Now    func() time.Time
}

// Recorded is the evidence of Record.
type Recorded struct {
	Note   notify.Message `json:"note"`
	Copied bool           `json:"copied"`
	Why    string         `json:"why,omitempty"`
}

// Kind names the evidence.
func (Recorded) Kind() engine.Kind { return "recorded/1" }

// String says what was written where.
func (r Recorded) String() string {
	switch {
	case r.Note.Action == string(engine.Migrate):
		return "written into the ledger"
	case !r.Copied:
		return "written into the ledger; the copy on the host was not: " + r.Why
	}
	return "written into the ledger and copied to the host"
}

// Spec declares the step.
func (s Record) Spec() engine.Spec {
	needs := Deployed{}.Kind()
	if s.Alone {
		needs = Migrated{}.Kind()
	}
	return engine.Spec{Name: "record", Title: "Write the record", Effect: engine.ReadsAgain,
		Needs: []engine.Kind{needs}, Proves: Recorded{}.Kind(),
		Runbook: []string{"post: time, digests, previous digests, migration yes or no, who approved, who deployed"}}
}

// Run composes the note from what was proved.
func (s Record) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	r := Recorded{Note: Note(in.Ticket, in.Terms, in.Proofs, s.Now()), Copied: true}
	r.Note.Outcome, r.Note.Production = "deployed", "production runs "+in.Terms.Tag
	if s.Alone {
		r.Copied, r.Note.Production = false, "the migration "+in.Terms.Tag+" is in place"
		return r, nil
	}
	b, err := json.MarshalIndent(r.Note, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("compose the record: %w", err)
	}
	if err := s.Target.StoreFile(ctx, in.Ticket, "record.json", append(b, '\n')); err != nil {
		r.Copied, r.Why = false, err.Error()
	}
	return r, nil
}

// Note composes the runbook's note from what a run has proved so far: never from what was intended.
func Note(t fence.Ticket, terms engine.Terms, p engine.Proofs, now time.Time) notify.Message {
	m := notify.Message{Run: t.Run, Action: string(terms.Action), App: terms.App, Environment: terms.Environment,
		Tag: terms.Tag, Commit: terms.Commit, At: now.UTC(), DeployedBy: t.Holder, Migration: migration(terms, p),
		Images: images(terms, p)}
	if a, err := engine.Recall[engine.Approvals](p); err == nil {
		m.ApprovedBy = a.By()
	}
	if b, err := engine.Recall[BackedUp](p); err == nil {
		m.Backup = b.Manifest.Name
	}
	return m
}

func migration(terms engine.Terms, p engine.Proofs) string {
	if terms.Migration == nil {
		return "none"
	}
	m, err := engine.Recall[Migrated](p)
	switch {
	case err != nil:
		return "not proved"
	case m.Here > 0:
		return "applied"
	case m.By == "" && m.Tool != nil:
		return "already by " + string(m.Tool.Tool)
	}
	return "already by run " + m.By
}

func images(terms engine.Terms, p engine.Proofs) []notify.Image {
	d, err := engine.Recall[Deployed](p)
	var all []notify.Image
	for _, s := range d.Services {
		all = append(all, notify.Image{Service: s.Service, Now: s.Observed, Previous: s.Previous})
	}
	if err == nil {
		return all
	}
	for _, img := range terms.Baseline {
		all = append(all, notify.Image{Service: img.Service, Previous: img.Ref()})
	}
	return all
}
