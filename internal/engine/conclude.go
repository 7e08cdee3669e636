package engine

import (
	"errors"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

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
