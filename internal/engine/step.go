package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"fairlead/internal/fence"
)

// Effect tells the engine what a second run of the step would do to the world.
type Effect int

// The effects.
const (
	// ReadsAgain: looks; a resumed run looks again (health, smoke)
	ReadsAgain Effect = iota + 1
	// ReadsOnce: looks; the first reading is kept (what ran before)
	ReadsOnce
	// Repeatable: a second run converges on the same state
	Repeatable
	// Once: a second run may do harm; only a probe may permit it
	Once
)

// Mutation tells what of production a step may change.
type Mutation int

// The mutations. The zero value changes nothing in production.
const (
	Nothing Mutation = iota
	Schema
	Services
)

// Spec declares a step: by what evidence it needs and which it leaves, among others.
type Spec struct {
	// Name: "migrate"; the ledger's key, stable
	Name Name
	// Title: "Apply the migration"
	Title   string
	Effect  Effect
	Mutates Mutation
	Needs   []Kind
	Proves  Kind
	// Runbook: the runbook's own commands for this step, for --step and --as-runbook; no secrets
	Runbook []string
}

// A Step is one act. Probe never changes anything. Run acts and returns evidence read from the world after the act. An
// error of Run counts as "unknown whether production was changed" for a mutating step, unless it is marked
// fault.Untouched or is a fault with an Outcome of its own. An error that matches fence.ErrOvertaken ends the run for
// this operator.
type Step interface {
	Spec() Spec
	Probe(ctx context.Context, in Input) (Observation, error)
	Run(ctx context.Context, in Input) (Evidence, error)
}

// State is what Probe saw.
type State int

// The states.
const (
	// NotDone: Because says why that is certain
	NotDone State = iota + 1
	// Done: Evidence is set
	Done
	// InProgress: at the hands of a process of an earlier attempt: Run attaches to it, never starts a second
	InProgress
	// Unknown: it cannot be told
	Unknown
)

// An Observation is Probe's answer. Because is one sentence and goes to the ledger. Changed tells, with NotDone, that a
// part of the step was done by this run (a migration of which one unit is in place).
type Observation struct {
	State    State
	Evidence Evidence
	Because  string
	Changed  bool
}

// Evidence is a plain struct with JSON tags, read from the world after the act. String is one sentence for people,
// without secrets. Evidence that knows whether production was changed also has a method Changed() bool.
type Evidence interface {
	Kind() Kind
	String() string
}

// changer is evidence of a mutating step that may have found everything done already.
type changer interface{ Changed() bool }

// A Fact is something that became true in the middle of a step and must survive a crash (an xid, a pid, "commit sent").
type Fact struct {
	Kind Kind            `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// NewFact encodes body; it panics only on a value that cannot be JSON, which is a programming error caught by any test.
func NewFact(kind Kind, body any) Fact { return Fact{Kind: kind, Body: encode(body)} }

// Progress is heard, never recorded.
type Progress struct {
	Text string
	// Done: bytes, statements, attempts; Total 0 means unknown
	Done, Total int64
	// Line: one line of many that all matter (what a command says), not the newest state of one thing
	Line bool
}

// Input is what a step gets. Note is durable and fenced when it returns nil; if it fails the step undoes itself. Say is
// never nil.
type Input struct {
	Ticket fence.Ticket
	Terms  Terms
	Proofs Proofs
	// Facts: of earlier attempts of this step, oldest first
	Facts []Fact
	Note  func(context.Context, Fact) error
	Say   func(Progress)
}

// ErrNotProven is given by Recall for evidence that no step has left.
var ErrNotProven = errors.New("not proven")

// Proofs is the evidence so far, by kind.
type Proofs map[Kind]json.RawMessage

// Add keeps evidence; a later one of the same kind replaces it.
func (p Proofs) Add(e Evidence) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s: %w", e.Kind(), err)
	}
	p[e.Kind()] = b
	return nil
}

// Recall gives the evidence of type E; ErrNotProven when there is none.
func Recall[E Evidence](p Proofs) (E, error) {
	var e E
	raw, ok := p[e.Kind()]
	if !ok {
		return e, fmt.Errorf("%s: %w", e.Kind(), ErrNotProven)
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("read %s: %w", e.Kind(), err)
	}
	return e, nil
}

// Survey runs planning steps in order. It takes no lock and writes nothing; each step may use the proofs of those
// before it, which start with known. It stops at the first error, with the proofs so far.
func Survey(ctx context.Context, steps []Step, known Proofs, now func() time.Time, observe Observer) (Proofs, error) {
	proofs := Proofs{}
	maps.Copy(proofs, known)
	for i, s := range steps {
		spec, began := s.Spec(), now()
		observe(StepBegan{At: began, Spec: spec, Index: i + 1, Of: len(steps)})
		in := Input{Proofs: proofs,
			Say: func(p Progress) { observe(StepProgress{At: now(), Step: spec.Name, Progress: p}) }}
		e, err := s.Run(ctx, in)
		rec := Record{Verdict: Failed, Step: spec.Name}
		if err == nil {
			rec = Record{Verdict: Proven, Step: spec.Name, Kind: e.Kind(), Evidence: encode(e), Why: e.String()}
			err = proofs.Add(e)
		}
		observe(StepEnded{At: now(), Spec: spec, Record: rec, Took: now().Sub(began), Err: err})
		if err != nil {
			return proofs, err
		}
	}
	return proofs, nil
}
