package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// misuse is an error in what was asked for.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// Misused gives the error of a call that cannot be understood.
func Misused(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// Outcome says how an error ends a command when no run has been executed. It is the one table of errors that carry no
// outcome of their own: nothing was attempted, so what is not listed is Misused.
func Outcome(err error) fault.Outcome {
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
	case errors.Is(err, engine.ErrPlanChanged), ledgerUnusable(err):
		return fault.Refused
	}
	return fault.Misused
}

func ledgerUnusable(err error) bool {
	return errors.Is(err, chain.ErrBroken) || errors.Is(err, chain.ErrMissing) || errors.Is(err, fence.ErrOtherLedger)
}

// Fault makes a fault of any error: what leaves the program always has three parts.
func Fault(ctx context.Context, err error, now time.Time) *fault.Fault {
	var busy *engine.Busy
	if errors.As(err, &busy) {
		return runOpen(busy, now)
	}
	if f, ok := fault.Find(err); ok {
		return f
	}
	f := &fault.Fault{Code: "not-attempted", What: "the command could not be carried out",
		Means: "nothing was attempted; production is unchanged", Err: err, Do: []fault.Command{seeStatus()}}
	var m misuse
	switch {
	case errors.As(err, &m):
		f.Code, f.What = "usage", "the command was not understood"
		f.Do = []fault.Command{{Line: "fairlead help", Why: "lists the commands"}}
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		f.Code, f.What, f.Err, f.Do = "interrupted", "interrupted before anything was attempted", nil, nil
	case errors.Is(err, decide.ErrNobody):
		f.Code, f.What = "waiting", "an answer is needed and there is nobody to ask"
		f.Means = "no lock is held; production is unchanged"
		f.Do = []fault.Command{{Line: "add --yes", Why: "answers yes, and the record says that the flag did"}}
	case ledgerUnusable(err):
		f.Code, f.What = "ledger-unusable", "the ledger is not what it was"
		f.Means = "nothing was attempted by this command; what runs is as it was"
		f.Do = []fault.Command{{Line: "fairlead ledger verify", Why: "names the first record that does not hold"}}
	}
	return f
}

// abandonLine closes the open run.
const abandonLine = "fairlead abandon --reason '…'"

// seeStatus is what can be typed after most faults.
func seeStatus() fault.Command { return fault.Command{Line: "fairlead status", Why: "what runs now"} }

// runOpen is the fault of an open run: who, where, since when, and what to type.
func runOpen(b *engine.Busy, now time.Time) *fault.Fault {
	at := ""
	if b.Run.Step != "" {
		at = fmt.Sprintf(", at step %s", b.Run.Step)
	}
	f := &fault.Fault{Code: "run-open", Outcome: fault.Busy,
		What: fmt.Sprintf("run %s (%s %s) is open: held by %s since %s%s; last sign of life %s", b.Run.Run,
			b.Run.Action, b.Run.Tag, b.Run.Holder, ui.Clock(b.Run.Opened), at, view.Life(now, b.Last)),
		Means: "production is that run's to change; this command changed nothing",
		Do: []fault.Command{
			{Line: "fairlead status", Why: "what runs now, and how far the run is"},
			{Line: "fairlead resume", Why: "goes on with it, when its holder is gone"},
			{Line: "fairlead rollback", Why: "closes it and brings the old images back"},
			{Line: abandonLine, Why: "closes it as it is"},
		}}
	if b.Run.Action == engine.Migrate { // there are no images to bring back
		f.Do = slices.Delete(f.Do, 2, 3)
	}
	return f
}

// unlessDecided gives an error that says itself how the command ends, and the fault for any other one.
func unlessDecided(err error, f *fault.Fault) error {
	if Outcome(err) != fault.Misused {
		return err
	}
	f.Err = err
	return f
}

// notOpened is the error of a run that could not be opened. Whatever happened, nothing has acted yet.
func notOpened(err error) error {
	if _, ok := fault.Find(err); ok {
		return err
	}
	return unlessDecided(err, &fault.Fault{Code: "run-not-opened", What: "the run could not be opened in the ledger",
		Outcome: fault.FailedUnchanged,
		Means: "production is unchanged: nothing acts before the run is open; the ledger may hold it open if only " +
			"the answer was lost",
		Do: []fault.Command{{Line: "fairlead status", Why: "tells whether a run is open"},
			{Line: abandonLine, Why: "closes it, if one is"}}})
}
