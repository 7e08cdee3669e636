package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

// A Run is one execution of a plan by one holder.
type Run struct {
	engine   *Engine
	writer   *writer
	plan     Plan
	opening  Opening
	recorded recorded
	proofs   Proofs
	// another holder may still be at work on a migration
	migrating bool
	// this run changed that, as far as is known
	schema, services bool
	// an earlier holder began a mutating step and nobody has looked yet what became of it
	unresolved bool
}

// ID gives the run's id.
func (r *Run) ID() RunID { return r.writer.run }

// Ticket gives the run's ticket.
func (r *Run) Ticket() fence.Ticket { return r.writer.ticket(r.plan.Terms) }

// Execute carries the plan out from wherever it stands and says how it ended. It always ends with a truthful Ending;
// the error that led there is part of it. When policy asks for it, the rollback runs here too, as a plan of its own,
// without letting the lock go.
func (r *Run) Execute(ctx context.Context) Ending {
	r.restore()
	r.engine.Observe(RunOpened{At: r.engine.Now(), Run: r.ID(), Terms: r.plan.Terms, Holder: r.engine.Holder,
		Resumed: len(r.recorded.steps) > 0})
	if err := r.raise(ctx); err != nil {
		return r.end(ctx, Spec{Name: "fence", Title: "Put the takeover number in place"}, err)
	}
	if err := r.reprove(ctx); err != nil {
		return r.end(ctx, Spec{Name: "prove", Title: "Prove baseline and gates again"}, err)
	}
	for i, s := range r.plan.Steps {
		if err := ctx.Err(); err != nil {
			return r.end(ctx, s.Spec(), fault.MarkUntouched(err))
		}
		if err := r.step(ctx, s, i+1); err != nil {
			return r.end(ctx, s.Spec(), err)
		}
	}
	return r.done(ctx)
}

// restore reads from the ledger what earlier holders of this run began and changed.
func (r *Run) restore() {
	for _, s := range r.plan.Steps {
		spec, p := s.Spec(), r.recorded.steps[s.Spec().Name]
		r.recorded.begun = r.recorded.begun || spec.Mutates != Nothing && p.verdict != ""
		r.unresolved = r.unresolved || spec.Mutates != Nothing && p.unclear()
		r.noteChange(spec.Mutates, p.changed || p.unclear())
		if p.verdict == Proven {
			r.proofs[p.kind] = p.evidence
		}
	}
}

func (r *Run) noteChange(m Mutation, changed bool) {
	r.schema = r.schema || changed && m == Schema
	r.services = r.services || changed && m == Services
}

// changed tells whether this run has, or may have, changed it, in this attempt or in an earlier one.
func (r *Run) changed(m Mutation) bool { return m == Schema && r.schema || m == Services && r.services }

// raise puts the number in place before anything is looked at.
func (r *Run) raise(ctx context.Context) error {
	for _, b := range r.engine.Barriers(r.plan.Terms, r.migrating) {
		if err := b.Raise(ctx, r.Ticket()); err != nil {
			return r.notStopped(err)
		}
	}
	return nil
}

// notStopped is for a place that does not know the number yet. Where another holder has begun to change something, it
// may still be at work there, and nothing can be said of production.
func (r *Run) notStopped(err error) error {
	err = fmt.Errorf("raise the takeover number: %w", fault.MarkUntouched(err))
	if errors.Is(err, fence.ErrOvertaken) || r.opening.Closes == nil && !r.recorded.begun {
		return err
	}
	return &fault.Fault{Code: "holder-not-stopped",
		What: "the operator who held the run before cannot be stopped everywhere", Outcome: fault.Unknown, Err: err,
		Means: "production is unknown; nothing was run",
		Do:    []fault.Command{{Line: "fairlead resume", Why: "stops that operator and goes on"}}}
}

// reprove plans again under the lock, as long as no mutating step has begun.
func (r *Run) reprove(ctx context.Context) error {
	if r.recorded.begun || r.plan.Reprove == nil {
		return nil
	}
	terms, proofs, err := r.plan.Reprove(ctx)
	if err != nil {
		return fmt.Errorf("plan again: %w", fault.MarkUntouched(err))
	}
	if err := samePlan(r.opening, terms); err != nil {
		return &fault.Fault{Code: "plan-changed", What: "what was planned no longer holds",
			Means:   "production is unchanged by this run",
			Do:      []fault.Command{{Line: "fairlead plan " + r.plan.Terms.Tag, Why: "shows the plan as it is now"}},
			Outcome: fault.Refused, Err: fault.MarkUntouched(err)}
	}
	maps.Copy(r.proofs, proofs)
	return nil
}

// step brings one step to its proof.
func (r *Run) step(ctx context.Context, s Step, n int) error {
	spec, began := s.Spec(), r.engine.Now()
	r.engine.Observe(StepBegan{At: began, Spec: spec, Index: n, Of: len(r.plan.Steps)})
	rec, adopted, err := r.prove(ctx, s)
	took := r.engine.Now().Sub(began)
	r.engine.Observe(StepEnded{At: r.engine.Now(), Spec: spec, Record: rec, Adopted: adopted, Took: took, Err: err})
	return err
}

func (r *Run) prove(ctx context.Context, s Step) (Record, bool, error) {
	spec := s.Spec()
	p := r.recorded.steps[spec.Name]
	move := Resume(p.verdict, spec.Effect, r.recorded.begun)
	if move == Skip {
		return Record{Verdict: Proven, Step: spec.Name, Kind: p.kind, Evidence: p.evidence, Why: p.why}, true, nil
	}
	in := r.input(spec, p)
	if move == ActAgain {
		rec, err := r.act(ctx, s, in)
		return rec, false, err
	}
	seen, err := s.Probe(ctx, in)
	if err != nil {
		// A look changes nothing itself, but what an earlier attempt did stays as unknown as it was.
		if !p.unclear() {
			err = fault.MarkUntouched(err)
		}
		return Record{}, false, fmt.Errorf("look whether it is done: %w", err)
	}
	r.resolve(spec, p, seen)
	switch {
	case seen.State == Done:
		rec, err := r.proven(ctx, spec, seen.Evidence, seen.Because)
		return rec, true, err
	case seen.State == NotDone && (move != RequireCertainty || seen.Because != ""), seen.State == InProgress:
		rec, err := r.act(ctx, s, in)
		return rec, false, err
	}
	return Record{}, false, r.cannotTell(spec, seen)
}

// resolve replaces what had to be feared of an interrupted step by what was seen.
func (r *Run) resolve(spec Spec, p recordedStep, seen Observation) {
	if spec.Mutates == Nothing || seen.State == Unknown {
		return
	}
	r.unresolved = false
	if spec.Mutates == Schema && seen.State != InProgress {
		r.schema = p.changed || seen.Changed
	}
}

func (r *Run) cannotTell(spec Spec, seen Observation) error {
	return &fault.Fault{Code: "cannot-tell",
		What:  fmt.Sprintf("it cannot be told whether %q is done: %s", spec.Name, seen.Because),
		Means: "production is unknown; nothing more was run", Outcome: fault.Unknown,
		Do: []fault.Command{{Line: "fairlead show " + string(r.ID()), Why: "what is known"},
			{Line: "fairlead resume", Why: "looks again"}}}
}

// act writes that the step begins, runs it, and writes down what it proved or how it failed.
func (r *Run) act(ctx context.Context, s Step, in Input) (Record, error) {
	spec := s.Spec()
	if r.engine.Before != nil {
		if err := r.engine.Before(ctx, spec); err != nil {
			return Record{}, fault.MarkUntouched(err)
		}
	}
	if _, err := r.writer.append(ctx, Record{Verdict: Began, Step: spec.Name}); err != nil {
		return Record{}, fault.MarkUntouched(err)
	}
	r.recorded.begun = r.recorded.begun || spec.Mutates != Nothing
	e, err := s.Run(ctx, in)
	if err == nil {
		return r.proven(ctx, spec, e, e.String())
	}
	return r.failed(ctx, spec, err)
}

func (r *Run) proven(ctx context.Context, spec Spec, e Evidence, why string) (Record, error) {
	changed := spec.Mutates != Nothing
	if c, ok := e.(changer); ok {
		changed = c.Changed()
	}
	r.noteChange(spec.Mutates, changed)
	rec, err := r.writer.append(context.WithoutCancel(ctx),
		Record{Verdict: Proven, Step: spec.Name, Kind: e.Kind(), Evidence: encode(e),
			Changed: r.changed(spec.Mutates), Why: why})
	if err != nil {
		return rec, unwritten(err)
	}
	return rec, r.proofs.Add(e)
}

// failed writes a failure down. Whether production may be changed follows from the mark Untouched and from the outcome
// that the step knows, not from its mood.
func (r *Run) failed(ctx context.Context, spec Spec, cause error) (Record, error) {
	if errors.Is(cause, fence.ErrOvertaken) {
		return Record{}, cause
	}
	said := outcomeOf(cause)
	// What the step says of the whole counts more than a mark on a part of it that its error wraps.
	changed := spec.Mutates != Nothing && (said == fault.Asking || said == fault.Unknown || !fault.IsUntouched(cause))
	r.noteChange(spec.Mutates, changed)
	verdict := Failed
	if changed && said != fault.Asking {
		verdict = Unclear
	}
	rec, err := r.writer.append(context.WithoutCancel(ctx),
		Record{Verdict: verdict, Step: spec.Name, Changed: changed || r.changed(spec.Mutates),
			Why: fault.Clip(cause.Error(), maxReason)})
	if err != nil {
		return rec, errors.Join(cause, unwritten(err))
	}
	return rec, cause
}

// unwritten is for a fact that is true of the world but did not get into the ledger.
func unwritten(err error) error {
	if errors.Is(err, fence.ErrOvertaken) {
		return err
	}
	return &fault.Fault{Code: "ledger-unwritten", What: "the ledger could not be written", Err: err,
		Outcome: fault.Unknown,
		Means:   "the last step was done, but it is not written down",
		Do:      []fault.Command{{Line: "fairlead resume", Why: "looks at what is there and goes on"}}}
}

func (r *Run) input(spec Spec, p recordedStep) Input {
	return Input{
		Ticket: r.Ticket(), Terms: r.plan.Terms, Proofs: r.proofs, Facts: p.facts,
		Note: func(ctx context.Context, f Fact) error {
			_, err := r.writer.append(ctx, Record{Verdict: Noted, Step: spec.Name, Kind: f.Kind, Evidence: f.Body})
			return err
		},
		Say: func(p Progress) { r.engine.Observe(StepProgress{At: r.engine.Now(), Step: spec.Name, Progress: p}) },
	}
}

// maxReason is how long a sentence in a record may be; the whole error is on the screen.
const maxReason = 2000
