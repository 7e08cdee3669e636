// Package engine runs plans: it opens a run by the first append to the ledger (which is the lock), carries the steps
// out, writes each fact down before it tells anyone, resumes by looking at the world, and says truthfully how it ended.
// It does no I/O of its own and knows no adapter. Start with Engine, then Run.Execute and the resume table in
// plan.go.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

// A Barrier keeps the largest takeover number of a place (a host, a database). Raise stores the ticket's number; when
// it returns nil every smaller number is refused there. fence.ErrOvertaken when a larger one is known.
type Barrier interface {
	Raise(ctx context.Context, t fence.Ticket) error
}

// An Engine runs the plans of one app in one environment. All fields but Before and Fallback are needed.
type Engine struct {
	Ledger  Ledger
	Observe Observer
	Now     func() time.Time
	// NewID gives a unique word of [a-z0-9-].
	NewID  func() string
	Pause  func(ctx context.Context, d time.Duration) error
	Holder Holder
	// Barriers gives the places whose number must be raised before a run goes on. Migrating tells that another holder
	// may still be at work on a migration, of this run or of one that it closed, so that the database counts too,
	// whatever this run itself does there.
	Barriers func(t Terms, migrating bool) []Barrier
	// Before is asked before each act; an error stops the run there. Nil never stops.
	Before func(context.Context, Spec) error
	// Fallback makes the plan that undoes a failed deployment. Nil, or an error, leaves the decision to a person.
	Fallback func(context.Context, Opening, Proofs) (Plan, error)
}

// ErrBusy is matched by *Busy.
var ErrBusy = errors.New("another run is open")

// Busy says which run is open.
type Busy struct {
	Run Summary
	// Last: when it last gave a sign of life
	Last time.Time
}

// Error names run, holder and start.
func (b *Busy) Error() string {
	return fmt.Sprintf("run %s (%s %s) is open: held by %s since %s", b.Run.Run, b.Run.Action, b.Run.Tag, b.Run.Holder,
		b.Run.Opened.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// Is matches ErrBusy.
func (b *Busy) Is(err error) bool { return err == ErrBusy }

// ErrNoRun is given when a run is to be taken over or closed and none is open.
var ErrNoRun = errors.New("no run is open")

// An OpenRequest is what a run begins with. Closes is set for a run that closes the open one and follows it.
type OpenRequest struct {
	Run       RunID
	Plan      Plan
	Approvals Approvals
	Closes    *Closing
	Automatic bool
}

// Open appends the first record of a run, which is the lock. It gives *Busy when another run is open than the one that
// it is to close, ErrNoRun when that one is closed already, and changes nothing then.
func (e *Engine) Open(ctx context.Context, q OpenRequest) (*Run, error) {
	head, err := e.Ledger.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	switch open := head.Open(); {
	case q.Closes == nil && open != "", q.Closes != nil && open != "" && q.Closes.Run != open:
		return nil, busy(head)
	case q.Closes != nil && open == "":
		return nil, ErrNoRun
	}
	migrating := false
	if q.Closes != nil {
		if migrating, err = e.migrating(ctx, head.Last); err != nil {
			return nil, err
		}
	}
	return e.begin(ctx, q, e.writer(head, q.Run), migrating)
}

// begin writes the first record of a run behind what w has seen, and nowhere else.
func (e *Engine) begin(ctx context.Context, q OpenRequest, w *writer, migrating bool) (*Run, error) {
	if err := q.Plan.Validate(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	fp, err := q.Plan.Terms.Fingerprint()
	if err != nil {
		return nil, err
	}
	blobs := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(q.Plan.Blobs)) {
		if blobs[name], err = e.Ledger.Put(ctx, q.Plan.Blobs[name]); err != nil {
			return nil, fmt.Errorf("store %s: %w", name, err)
		}
	}
	o := Opening{Terms: q.Plan.Terms, Fingerprint: fp, Blobs: blobs, Proofs: q.Plan.Proofs, Holder: e.Holder,
		Approvals: q.Approvals, Closes: q.Closes, Automatic: q.Automatic}
	why := fmt.Sprintf("%s %s, approved by %s, held by %s", o.Terms.Action, o.Terms.Tag, o.Approvals.By(),
		o.Holder.Name)
	first, err := w.append(ctx, Record{Verdict: Opened, Kind: OpeningKind, Evidence: encode(o), Why: why})
	if err != nil {
		return nil, e.orBusy(ctx, q.Run, err)
	}
	return e.run(w, q.Plan, o, []Record{first}, migrating), nil
}

// migrating tells whether an earlier holder of this run, or of a run that it closed, may still be at work on a
// migration.
func (e *Engine) migrating(ctx context.Context, records []Record) (bool, error) {
	for n := 0; n < mostFollowed; n++ {
		o, err := OpeningOf(records)
		if err != nil || o.Terms.Migration != nil || o.Closes == nil {
			return err == nil && o.Terms.Migration != nil, err
		}
		if records, err = e.Ledger.Records(ctx, o.Closes.Run); err != nil {
			return false, fmt.Errorf("read run %s, which this one closed: %w", o.Closes.Run, err)
		}
	}
	return true, nil
}

// mostFollowed is how many runs, each closed by the next, are read before the worst is assumed.
const mostFollowed = 20

// orBusy turns an overtaken first append into *Busy: somebody opened a run a moment before.
func (e *Engine) orBusy(ctx context.Context, mine RunID, err error) error {
	if !errors.Is(err, fence.ErrOvertaken) {
		return err
	}
	if head, herr := e.Ledger.Head(ctx); herr == nil && head.Open() != "" && head.Open() != mine {
		return busy(head)
	}
	return err
}

// Take takes the open run over, by whoever it is held, to go on with it. The plan must be the one that the run was
// opened with, assembled anew from its blobs. It gives *Busy when the open run is no longer the one whose opening this
// is (its holder has closed it with a rollback meanwhile), ErrNoRun when none is open.
func (e *Engine) Take(ctx context.Context, p Plan, o Opening, reason string) (*Run, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if err := samePlan(o, p.Terms); err != nil {
		return nil, err
	}
	return e.takeOver(ctx, p, o, reason, "taken over by "+e.Holder.Name)
}

// takeOver writes the record by which this holder takes the open run over.
func (e *Engine) takeOver(ctx context.Context, p Plan, o Opening, reason, why string) (*Run, error) {
	head, err := e.Ledger.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	if err := stillOpen(head, o); err != nil {
		return nil, err
	}
	migrating, err := e.migrating(ctx, head.Last)
	if err != nil {
		return nil, err
	}
	w := e.writer(head, head.Open())
	t := Takeover{Holder: e.Holder, From: HolderOf(head.Last), Reason: reason}
	rec, err := w.append(ctx, Record{Verdict: Taken, Kind: TakeoverKind, Evidence: encode(t), Why: why})
	if err != nil {
		return nil, err
	}
	return e.run(w, p, o, append(slices.Clone(head.Last), rec), migrating), nil
}

// stillOpen compares the run that is open now with the one that somebody read before deciding to take it over.
func stillOpen(head Head, o Opening) error {
	if head.Open() == "" {
		return ErrNoRun
	}
	now, err := OpeningOf(head.Last)
	if err != nil {
		return err
	}
	if !bytes.Equal(encode(now), encode(o)) {
		return busy(head)
	}
	return nil
}

// ErrPlanChanged is given when a run is to go on with another plan than it was opened with.
var ErrPlanChanged = errors.New("the plan changed since this run began")

func samePlan(o Opening, t Terms) error {
	fp, err := t.Fingerprint()
	if err != nil {
		return err
	}
	if fp != o.Fingerprint {
		return fmt.Errorf("%w: %s", ErrPlanChanged, Difference(o.Terms, t))
	}
	return nil
}

// Abandon closes the open run as it is, after raising every barrier, so that its holder can change nothing more. The
// outcome is Asking: what production runs is for a person to find out, unless no mutating step had begun.
func (e *Engine) Abandon(ctx context.Context, o Opening, steps []Step, reason string) (Closing, error) {
	p := Plan{Terms: o.Terms, Steps: steps, Proofs: o.Proofs}
	r, err := e.takeOver(ctx, p, o, reason, "taken over to be abandoned")
	if err != nil {
		return Closing{}, err
	}
	if err := r.raise(ctx); err != nil {
		return Closing{}, err
	}
	return r.abandon(ctx, reason)
}

func (e *Engine) run(w *writer, p Plan, o Opening, records []Record, migrating bool) *Run {
	proofs := Proofs{}
	maps.Copy(proofs, o.Proofs)
	proofs[o.Approvals.Kind()] = encode(o.Approvals)
	return &Run{engine: e, writer: w, plan: p, opening: o, recorded: fold(records), proofs: proofs,
		migrating: migrating}
}

// RecordManual writes down that a release was made by hand, in one record that is a run of its own. means says what
// production runs now, as observed; it is not checked here. It gives *Busy when a run is open, and writes nothing then.
func (e *Engine) RecordManual(ctx context.Context, run RunID, means, reason string) (Closing, error) {
	head, err := e.Ledger.Head(ctx)
	if err != nil {
		return Closing{}, fmt.Errorf("read the ledger: %w", err)
	}
	if head.Open() != "" {
		return Closing{}, busy(head)
	}
	c := Closing{Run: run, Outcome: fault.Deployed, Means: means, Reason: reason, By: e.Holder}
	rec := Record{Verdict: Manual, Kind: ClosingKind, Evidence: encode(c), Why: means + "; " + reason}
	if _, err := e.writer(head, run).append(ctx, rec); err != nil {
		return Closing{}, e.orBusy(ctx, run, err)
	}
	return c, nil
}

func busy(h Head) error {
	s, err := Summarize(h.Last)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return &Busy{Run: s, Last: h.Last[len(h.Last)-1].At}
}

// OpeningOf gives the opening of a run from its records; chain.ErrBroken when they do not begin with one.
func OpeningOf(records []Record) (Opening, error) {
	if len(records) == 0 || records[0].Verdict != Opened {
		return Opening{}, fmt.Errorf("%w: a run without its opening", chain.ErrBroken)
	}
	return decode[Opening](records[0])
}

// A Holder is the operator process that holds a run. Name is who deploys, like "ana@laptop"; How is "claimed (OS user)"
// or "proved (OIDC)"; Process is unique: host, pid and start.
type Holder struct {
	Name    string `json:"name"`
	How     string `json:"how"`
	Process string `json:"process"`
}

// String is the readable name.
func (h Holder) String() string { return h.Name }

// HolderOf gives the holder of a run from its records: the one of the last takeover, or else of the opening. The zero
// Holder when the records begin with none.
func HolderOf(records []Record) Holder {
	var h Holder
	for _, r := range records {
		switch r.Verdict {
		case Opened:
			o, _ := decode[Opening](r)
			h = o.Holder
		case Taken:
			t, _ := decode[Takeover](r)
			h = t.Holder
		}
	}
	return h
}

// Opening is the evidence of the record that opens a run. Blobs are sha256 by name; Closes is the run that this
// one closes and follows (a rollback).
type Opening struct {
	Terms       Terms             `json:"terms"`
	Fingerprint string            `json:"fingerprint"`
	Blobs       map[string]string `json:"blobs"`
	Proofs      Proofs            `json:"proofs"`
	Holder      Holder            `json:"holder"`
	Approvals   Approvals         `json:"approval"`
	Closes      *Closing          `json:"closes,omitempty"`
	Automatic   bool              `json:"automatic,omitempty"`
}

// Takeover is the evidence of the record by which another holder takes an open run over.
type Takeover struct {
	Holder Holder `json:"holder"`
	From   Holder `json:"from"`
	Reason string `json:"reason,omitempty"`
}

// Closing is the evidence of the record that closes a run. Means says whether production is changed, Migrated that
// a unit was committed by this run.
type Closing struct {
	Run      RunID         `json:"run"`
	Outcome  fault.Outcome `json:"outcome"`
	Means    string        `json:"means"`
	Reason   string        `json:"reason,omitempty"`
	Migrated bool          `json:"migrated"`
	By       Holder        `json:"by"`
}

// A Summary is one run in one line, for status and history. Outcome is zero while it is open, Step the last one that
// began.
type Summary struct {
	Run      RunID         `json:"run"`
	Action   Action        `json:"action"`
	Tag      string        `json:"tag"`
	Opened   time.Time     `json:"opened"`
	Closed   time.Time     `json:"closed,omitzero"`
	Outcome  fault.Outcome `json:"outcome"`
	Holder   string        `json:"holder"`
	Approved string        `json:"approved"`
	Migrated bool          `json:"migrated"`
	Step     Name          `json:"step,omitempty"`
	Means    string        `json:"means,omitempty"`
}
