package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

// Writers is what writes to the database, stopped and resumed by the team's own commands so that nothing is written
// after the backup's snapshot. Both commands must be harmless when there is nothing to do. One operator process has one
// Writers; whatever way its run ends, the writers are resumed, except when somebody else has taken the run over and may
// need them stopped.
type Writers struct {
	Stop    func(ctx context.Context) error
	Restart func(ctx context.Context) error
	Line    string // the resume command, for a person to type
	Now     func() time.Time

	stopped time.Time // zero while they run, as far as this process knows
	gone    time.Duration
}

// Stopped tells whether this process has stopped them and not resumed them.
func (w *Writers) Stopped() bool { return w != nil && !w.stopped.IsZero() }

// Resume lets them on again, whatever became of ctx.
func (w *Writers) Resume(ctx context.Context) error {
	if err := w.Restart(context.WithoutCancel(ctx)); err != nil {
		return &fault.Fault{Code: "writers-stopped", What: "what writes to the database could not be resumed", Err: err,
			Outcome: fault.Asking,
			Means:   "what writes to the database is STOPPED, or may be, and this resumes it: " + w.Line,
			Do:      []fault.Command{{Line: w.Line, Why: "resumes them (backup.quiesce.resume)"}}}
	}
	if w.Stopped() {
		w.gone += w.Now().Sub(w.stopped)
	}
	w.stopped = time.Time{}
	return nil
}

// stop stops them, once.
func (w *Writers) stop(ctx context.Context, in engine.Input) error {
	if w.Stopped() {
		return nil
	}
	in.Say(engine.Progress{Text: "stopping what writes to the database"})
	if err := in.Note(ctx, engine.NewFact("writers-stopping/1", map[string]any{"at": w.Now().UTC()})); err != nil {
		return err
	}
	w.stopped = w.Now()
	if err := w.Stop(ctx); err != nil {
		return fmt.Errorf("stop what writes to the database (backup.quiesce.command): %w", err)
	}
	return nil
}

// A Quiesced step is done while the writers are stopped: before it they are, and when it fails they are resumed. Afresh
// is for a step whose result of an earlier attempt is worth nothing once they have run again.
type Quiesced struct {
	engine.Step
	Writers *Writers
	Afresh  bool
	Running bool // it does not need them stopped; it only resumes them when it fails
}

// Probe looks, but does not take what was made before the writers ran again.
func (q Quiesced) Probe(ctx context.Context, in engine.Input) (engine.Observation, error) {
	seen, err := q.Step.Probe(ctx, in)
	if err == nil && q.Afresh && seen.State == engine.Done && !q.Writers.Stopped() {
		return engine.Observation{State: engine.NotDone, Because: "what writes to the database ran again since: " +
			seen.Because}, nil
	}
	return seen, err
}

// Run stops the writers, acts, and resumes them when it fails.
func (q Quiesced) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	var err error
	if !q.Running {
		err = q.Writers.stop(ctx, in)
	}
	if err != nil {
		return nil, q.resumeAfter(ctx, in, &fault.Fault{Code: "quiesce-failed",
			What: "what writes to the database could not be stopped", Err: fault.MarkUntouched(err),
			Means: "nothing was backed up or migrated by this step", Do: tryAgain(in)})
	}
	e, err := q.Step.Run(ctx, in)
	if err != nil {
		return e, q.resumeAfter(ctx, in, err)
	}
	return e, nil
}

// resumeAfter resumes the writers after a failure, and says so in the record.
func (q Quiesced) resumeAfter(ctx context.Context, in engine.Input, err error) error {
	if errors.Is(err, fence.ErrOvertaken) {
		q.Writers.stopped = time.Time{}
		return err
	}
	in.Say(engine.Progress{Text: "resuming what writes to the database"})
	resumed := q.Writers.Resume(ctx)
	said, ok := fault.Find(err)
	if !ok && resumed != nil { // not as a fault: it knows its own outcome, and nothing of that of the step
		return fmt.Errorf("%w; what writes to the database is STOPPED, or may be, and this resumes it: %s (%v)", err,
			q.Writers.Line, resumed)
	}
	if !ok {
		return err
	}
	f := *said
	if resumed == nil {
		f.Means += "; what writes to the database was stopped, and is resumed"
		return &f
	}
	f.Means += "; what writes to the database is STOPPED, or may be, and this resumes it: " + q.Writers.Line
	f.Err = errors.Join(f.Err, resumed)
	f.Do = append([]fault.Command{{Line: q.Writers.Line,
		Why: "resumes what writes to the database (backup.quiesce.resume)"}}, f.Do...)
	return &f
}

// ResumeWriters is the step that lets the writers on again, once the new version runs.
type ResumeWriters struct {
	afresh
	Writers *Writers
}

// WritersResumed is its evidence.
type WritersResumed struct {
	Seconds float64 `json:"seconds"` // stopped by this process; 0 when an earlier one had stopped them
}

// Kind names the evidence.
func (WritersResumed) Kind() engine.Kind { return "writers-resumed/1" }

// String says for how long they were stopped.
func (w WritersResumed) String() string {
	if w.Seconds == 0 {
		return "what writes to the database is resumed"
	}
	return fmt.Sprintf("what writes to the database was stopped for %.1f s, and is resumed", w.Seconds)
}

// Spec declares the step.
func (ResumeWriters) Spec() engine.Spec {
	return engine.Spec{Name: "writers", Title: "Resume what writes to the database", Effect: engine.Repeatable,
		Proves: WritersResumed{}.Kind(), Runbook: []string{"(your own command: backup.quiesce.resume)"}}
}

// Run resumes them.
func (s ResumeWriters) Run(ctx context.Context, _ engine.Input) (engine.Evidence, error) {
	if err := s.Writers.Resume(ctx); err != nil {
		return nil, err
	}
	return WritersResumed{Seconds: seconds(s.Writers.gone)}, nil
}
