package step

import (
	"context"
	"errors"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/target"
)

// preparer pulls and proves images.
type preparer interface {
	Prepare(ctx context.Context, t fence.Ticket, images []release.Image, say func(string)) (target.Prepared, error)
}

// Prefetch pulls all images on all hosts before the database is touched, and keeps the old ones by a local tag.
type Prefetch struct {
	afresh
	Target preparer
	ByHand target.Runbook
}

// Fetched is the evidence of Prefetch.
type Fetched struct {
	Prepared target.Prepared `json:"prepared"`
}

// Kind names the evidence.
func (Fetched) Kind() engine.Kind { return "fetched/1" }

// String says what is where.
func (f Fetched) String() string {
	n := 0
	for _, h := range f.Prepared.Hosts {
		n += len(h.Images)
	}
	return count(n, "image") + " on " + count(len(f.Prepared.Hosts), "host") + ", pulled and proved"
}

// Spec declares the step.
func (s Prefetch) Spec() engine.Spec {
	return engine.Spec{Name: "prefetch", Title: "Pull the images on every host", Effect: engine.Repeatable,
		Proves: Fetched{}.Kind(), Runbook: s.ByHand.Pull}
}

// Run pulls.
func (s Prefetch) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	p, err := s.Target.Prepare(ctx, in.Ticket, in.Terms.Images, say(in))
	if errors.Is(err, fence.ErrOvertaken) {
		return nil, err
	}
	if err != nil {
		return nil, &fault.Fault{Code: "pull-failed", What: "the images could not be brought to every host",
			Means: "production is unchanged; at most images were added", Err: fault.MarkUntouched(err),
			Do: []fault.Command{{Line: "fairlead check", Why: "asks the registry from here and from the hosts"}}}
	}
	return Fetched{Prepared: p}, nil
}

// say turns plain text into progress.
func say(in engine.Input) func(string) {
	return func(text string) { in.Say(engine.Progress{Text: text}) }
}
