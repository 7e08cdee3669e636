package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fairlead/internal/chain"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/step"
)

// ended is the error of a command whose ending is already printed: only its outcome is left to become the exit status.
type ended struct{ outcome fault.Outcome }

func (e ended) Error() string { return "ended: " + e.outcome.String() }

// usage is an error in how the command was called.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// outcomeOf says how an error ends the program when no run has been executed. It is the one table of errors that carry no outcome of
// their own: nothing was attempted, so what is not listed is Misused.
func outcomeOf(err error) fault.Outcome {
	var e ended
	if errors.As(err, &e) {
		return e.outcome
	}
	if f, ok := fault.Find(err); ok && f.Outcome != 0 {
		return f.Outcome
	}
	switch {
	case err == nil:
		return fault.Deployed
	case errors.Is(err, engine.ErrBusy), errors.Is(err, fence.ErrOvertaken), errors.Is(err, chain.ErrOvertaken):
		return fault.Busy
	case errors.Is(err, decide.ErrNobody):
		return fault.Waiting
	case errors.Is(err, engine.ErrPlanChanged), errors.Is(err, chain.ErrBroken), errors.Is(err, chain.ErrMissing), errors.Is(err, fence.ErrOtherLedger):
		return fault.Refused
	}
	return fault.Misused
}

// finish prints what is left to be printed of an error and gives the exit status.
func (a *app) finish(ctx context.Context, err error) int {
	outcome := outcomeOf(err)
	var e ended
	if err == nil || errors.As(err, &e) {
		return outcome.Exit()
	}
	f := a.border(ctx, err)
	a.blocked(err)
	a.printFault(f)
	if a.json {
		a.printJSON(failure{Outcome: outcome, Exit: outcome.Exit(), Fault: f, Cause: f.Error()})
	}
	return outcome.Exit()
}

// failure is what --json prints of a command that did not come to its answer.
type failure struct {
	Outcome fault.Outcome `json:"outcome"`
	Exit    int           `json:"exit"`
	Fault   *fault.Fault  `json:"fault"`
	Cause   string        `json:"cause"`
}

// border makes a fault of any error: what leaves the program always has three parts.
func (a *app) border(ctx context.Context, err error) *fault.Fault {
	var busy *engine.Busy
	if errors.As(err, &busy) {
		return a.busy(busy)
	}
	if f, ok := fault.Find(err); ok {
		return f
	}
	f := &fault.Fault{Code: "not-attempted", What: "the command could not be carried out", Means: "nothing was attempted; production is unchanged", Err: err}
	var u usage
	switch {
	case errors.As(err, &u):
		f.Code, f.What = "usage", "the command was not understood"
		f.Do = []fault.Command{{Line: "fairlead help", Why: "lists the commands"}}
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		f.Code, f.What, f.Err = "interrupted", "interrupted before anything was attempted", nil
	case errors.Is(err, decide.ErrNobody):
		f.Code, f.What = "waiting", "an answer is needed and there is nobody to ask"
		f.Means = "no lock is held; production is unchanged"
		f.Do = []fault.Command{{Line: "add --yes", Why: "answers yes, and the record says that the flag did"}}
	case errors.Is(err, chain.ErrBroken), errors.Is(err, chain.ErrMissing), errors.Is(err, fence.ErrOtherLedger):
		f.Code, f.What, f.Means = "ledger-unusable", "the ledger is not what it was", "nothing was attempted by this command; what runs is as it was"
		f.Do = []fault.Command{{Line: "fairlead ledger verify", Why: "names the first record that does not hold"}}
	default:
		f.Do = []fault.Command{{Line: "fairlead status", Why: "what runs now"}}
	}
	return f
}

// blocked prints the report of a review that closed the gate.
func (a *app) blocked(err error) {
	var b *step.Blocked
	if errors.As(err, &b) {
		fmt.Fprint(a.Err, plain(reviewText(b.Report, b.SQL)))
		a.leadNote(b)
	}
}

// printJSON prints one value as one line of the answer.
func (a *app) printJSON(v any) {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // our own structs; a reader that went away changes nothing
}
