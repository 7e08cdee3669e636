package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

// An Ending is how a run ended for this holder. Means says whether production is changed. Open tells that the ledger
// still holds the run open: it waits for resume, rollback or abandon. Step and Err are what failed, empty for a run
// that came to its end. Before is the ending of the run that this one rolled back.
type Ending struct {
	Run     RunID
	Outcome fault.Outcome
	Means   string
	Open    bool
	Step    Name
	Err     error
	Closing Closing
	Proofs  Proofs
	Opening Opening
	Before  *Ending
}

// done closes a run whose steps are all proven.
func (r *Run) done(ctx context.Context) Ending {
	outcome := fault.Deployed
	means := fmt.Sprintf("production runs %s", r.plan.Terms.Tag)
	if r.plan.Terms.Action == Migrate {
		means = fmt.Sprintf("the migration %s is in place", r.plan.Terms.Tag)
	}
	if r.opening.Automatic {
		outcome = fault.RolledBack
		means = fmt.Sprintf("production runs %s again, verified healthy; %s", r.plan.Terms.Tag, r.schemaSentence())
	}
	return r.close(ctx, outcome, means, "", nil)
}

func (r *Run) schemaSentence() string {
	if c := r.opening.Closes; r.schema || c != nil && c.Migrated {
		return "the schema is as the migration left it"
	}
	return "the schema is unchanged"
}

// end concludes from a failure. The rules stand in Conclude; what they decide is done here.
func (r *Run) end(ctx context.Context, spec Spec, err error) Ending {
	t := r.plan.Terms
	c := Conclude(Situation{Err: err, Mutates: spec.Mutates, Schema: r.schema, Services: r.services,
		Rollback: t.Action == Rollback, Policy: t.OnFailure, Interrupted: ctx.Err() != nil, Unresolved: r.unresolved,
		Baseline: len(t.Baseline) > 0 && !slices.Equal(t.Baseline, t.Images), Inherited: r.inherited()})
	e := Ending{Run: r.ID(), Outcome: c.Outcome, Means: r.means(c), Open: !c.Close, Step: spec.Name, Err: err,
		Proofs: r.proofs, Opening: r.opening}
	switch {
	case c.RollBack && r.engine.Fallback != nil:
		return r.fallback(ctx, e)
	case c.Close:
		closed := r.close(ctx, c.Outcome, e.Means, fault.Clip(err.Error(), maxReason), err)
		closed.Step = spec.Name
		return closed
	}
	return r.stayOpen(e)
}

// stayOpen tells that the run has ended for this operator and is open in the ledger.
func (r *Run) stayOpen(e Ending) Ending {
	c := Closing{Run: r.ID(), Outcome: e.Outcome, Means: e.Means}
	r.engine.Observe(RunClosed{At: r.engine.Now(), Run: r.ID(), Closing: c, Open: true})
	return e
}

// fallback runs the rollback that policy asks for. The record that opens it closes the failed run.
func (r *Run) fallback(ctx context.Context, failed Ending) Ending {
	failed.Outcome, failed.Open = fault.Asking, true
	failed.Means = "production is changed: " + r.state()
	plan, err := r.engine.Fallback(ctx, r.opening, r.proofs)
	if err != nil {
		failed.Err = errors.Join(failed.Err, fmt.Errorf("plan the rollback: %w", err))
		return r.stayOpen(failed)
	}
	closing := Closing{Run: r.ID(), Outcome: fault.Asking, Means: failed.Means, Migrated: r.schema,
		Reason: fault.Clip(failed.Err.Error(), maxReason), By: r.engine.Holder}
	said := Approval{By: r.opening.Approvals.By(), How: "by policy: on_failure", Reason: "the approved plan says so"}
	id := r.ID() + "-rollback"
	q := OpenRequest{Run: id, Plan: plan, Closes: &closing, Automatic: true, Approvals: Approvals{said}}
	next, err := r.engine.begin(ctx, q, r.writer.follow(id), r.migrating)
	if err != nil {
		failed.Err = errors.Join(failed.Err, fmt.Errorf("open the rollback: %w", err))
		if errors.Is(err, fence.ErrOvertaken) || errors.Is(err, ErrBusy) {
			failed.Outcome, failed.Means = fault.Busy, "somebody else has taken over"
		}
		return r.stayOpen(failed)
	}
	r.engine.Observe(RunClosed{At: r.engine.Now(), Run: r.ID(), Closing: closing})
	e := next.Execute(ctx)
	e.Before = &failed
	if e.Err == nil {
		e.Err = failed.Err
	}
	return e
}

// close writes the closing record, whatever was cancelled. If it cannot be written, what was verified is still said, as
// unknown.
func (r *Run) close(ctx context.Context, o fault.Outcome, means, reason string, cause error) Ending {
	c := Closing{Run: r.ID(), Outcome: o, Means: means, Reason: reason, Migrated: r.schema, By: r.engine.Holder}
	e := Ending{Run: r.ID(), Outcome: o, Means: means, Err: cause, Closing: c, Proofs: r.proofs, Opening: r.opening}
	_, err := r.writer.append(context.WithoutCancel(ctx),
		Record{Verdict: Closed, Kind: ClosingKind, Evidence: encode(c), Why: means})
	if err != nil {
		e.Open, e.Outcome = true, fault.Unknown
		e.Means = "verified: " + means + "; but the end of the run is not written down"
		e.Err = errors.Join(cause, unwritten(err))
		if errors.Is(err, fence.ErrOvertaken) {
			e.Outcome, e.Means = fault.Busy, "somebody else has taken over"
		}
	}
	c.Outcome, c.Means, c.Reason = e.Outcome, e.Means, ""
	r.engine.Observe(RunClosed{At: r.engine.Now(), Run: r.ID(), Closing: c, Open: e.Open})
	return e
}

func (r *Run) abandon(ctx context.Context, reason string) (Closing, error) {
	r.restore()
	doubt := ""
	for _, s := range r.plan.Steps {
		if spec := s.Spec(); spec.Mutates != Nothing && r.recorded.steps[spec.Name].unclear() {
			doubt = fmt.Sprintf("how step %s ended is not known; as far as it is: ", spec.Name)
		}
	}
	c := Closing{Run: r.ID(), Outcome: fault.FailedUnchanged, Means: "abandoned; production is unchanged by this run",
		Reason: reason, Migrated: r.schema, By: r.engine.Holder}
	if r.schema || r.services || r.inherited() {
		c.Outcome, c.Means = fault.Asking, "abandoned; "+doubt+r.state()
	}
	_, err := r.writer.append(ctx, Record{Verdict: Closed, Kind: ClosingKind, Evidence: encode(c), Why: c.Means})
	return c, err
}

// means says whether production is changed.
func (r *Run) means(c Conclusion) string {
	switch c.Outcome {
	case fault.Busy:
		return "somebody else has taken over; this operator can change nothing more"
	case fault.Unknown:
		return "it is not known whether production is changed; `fairlead resume` finds out"
	case fault.Asking:
		return "production is changed: " + r.state()
	}
	return "production is unchanged"
}

// inherited tells that the run which this one closed had changed production, or may have.
func (r *Run) inherited() bool {
	c := r.opening.Closes
	return c != nil && c.Outcome != fault.FailedUnchanged && c.Outcome != fault.Refused
}

// state says what of production this run changed.
func (r *Run) state() string {
	switch {
	case r.schema && r.plan.Terms.Action == Migrate:
		return "the migration is applied, in whole or in part"
	case r.schema && r.services:
		return "the migration is applied and services were replaced"
	case r.schema:
		return "the migration is applied, in whole or in part; the old images still run"
	case r.services:
		return "services were replaced; the schema is unchanged by this run"
	}
	if r.inherited() {
		return "what run " + string(r.opening.Closes.Run) + " changed is as it left it; nothing was changed by this run"
	}
	return "nothing was changed by this run"
}

// A Situation is what is known when a step, which mutates that much, has failed. Schema and Services: this run changed
// that, or may have; Inherited: the run that this one closed and follows had. Baseline: there is something else to go
// back to. Interrupted: a person stopped the run. Unresolved: nobody has looked yet what an interrupted mutating step
// did.
type Situation struct {
	Err     error
	Mutates Mutation

	Schema, Services, Inherited bool

	// Rollback: the plan itself is one
	Rollback bool
	Policy   OnFailure

	Baseline, Interrupted, Unresolved bool
}

// A Conclusion is what follows from it. Close: the run is closed; else it stays open for resume, rollback or abandon.
// RollBack: policy asks for the rollback, which closes the run.
type Conclusion struct {
	Outcome  fault.Outcome
	Close    bool
	RollBack bool
}

// Conclude turns a failure into an outcome. It is the one place where that is decided.
//
//   - Overtaken: Busy; nothing can be written any more.
//   - A mutating step that failed without the mark Untouched and without saying Asking ("the state is known and
//     production is changed"), any step that says Unknown, or an interrupted step that nobody could look at: Unknown,
//     open.
//   - Nothing changed: Refused where a gate says so, else FailedUnchanged; closed.
//   - Changed: the rollback where policy asks for it, there is a baseline, and nobody interrupted; else Asking, open.
func Conclude(s Situation) Conclusion {
	said := outcomeOf(s.Err)
	switch {
	case errors.Is(s.Err, fence.ErrOvertaken), errors.Is(s.Err, ErrBusy):
		return Conclusion{Outcome: fault.Busy}
	case said == fault.Unknown, s.Unresolved,
		s.Mutates != Nothing && said != fault.Asking && !fault.IsUntouched(s.Err):
		return Conclusion{Outcome: fault.Unknown}
	case s.Schema, s.Services, s.Inherited:
	case said == fault.Refused:
		return Conclusion{Outcome: fault.Refused, Close: true}
	default:
		return Conclusion{Outcome: fault.FailedUnchanged, Close: true}
	}
	reaction := s.Policy.Unmigrated
	if s.Schema {
		reaction = s.Policy.Migrated
	}
	back := reaction == RollBack && s.Baseline && !s.Rollback && !s.Interrupted
	return Conclusion{Outcome: fault.Asking, RollBack: back}
}

// outcomeOf gives the outcome that the error's fault knows, or zero.
func outcomeOf(err error) fault.Outcome {
	if f, ok := fault.Find(err); ok {
		return f.Outcome
	}
	return 0
}
