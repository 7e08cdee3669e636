package assemble

import (
	"context"
	"errors"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/host"
)

// asked is the ledger before anything acts: a host that does not answer, or a ledger that does not hold, is a closed gate.
type asked struct {
	engine.Ledger
	engine.History
}

// Head gives the end of the ledger, or why the gate is closed.
func (a asked) Head(ctx context.Context) (engine.Head, error) {
	h, err := a.Ledger.Head(ctx)
	return h, closed(err)
}

// Records gives one run's records, or why the gate is closed.
func (a asked) Records(ctx context.Context, run engine.RunID) ([]engine.Record, error) {
	all, err := a.Ledger.Records(ctx, run)
	return all, closed(err)
}

// Runs gives the newest runs first, or why the gate is closed.
func (a asked) Runs(ctx context.Context, limit int) ([]engine.Summary, error) {
	all, err := a.History.Runs(ctx, limit)
	return all, closed(err)
}

// Lines gives every line, or why the gate is closed.
func (a asked) Lines(ctx context.Context) ([][]byte, error) {
	all, err := a.History.Lines(ctx)
	return all, closed(err)
}

const notAttempted = "nothing was attempted by this command; production is as it was"

// closed makes a refusal of an error of the ledger or its host.
func closed(err error) error {
	for _, kind := range []error{host.ErrUnreachable, host.ErrHostKey, host.ErrDenied, host.ErrNoAgent} {
		if f, ok := fault.Find(err); ok && errors.Is(err, kind) {
			copied := *f
			copied.Outcome = fault.Refused
			return told{&copied, err}
		}
	}
	f := &fault.Fault{Code: "ledger-unusable", Outcome: fault.Refused, Means: notAttempted, Err: err}
	switch {
	case errors.Is(err, chain.ErrMissing):
		f.What = "the ledger is gone"
		f.Do = []fault.Command{{Line: "fairlead --config FILE status", Why: "if target.directory was changed: the ledger is where it was"},
			{Line: "ls -la DIRECTORY/.fairlead", Why: "on the first host; put the folder back from its backup. Nothing makes a new one silently"}}
	case errors.Is(err, fence.ErrOtherLedger):
		f.What = "this is another ledger than the one that is known"
		f.Do = []fault.Command{{Line: "fairlead status", Why: "with the configuration that the last release used: directory, first host, app, environment"}}
	case errors.Is(err, chain.ErrBroken):
		f.What = "the ledger does not hold: a record was edited, moved or cut"
		f.Do = []fault.Command{{Line: "fairlead ledger verify", Why: "names the first record that does not hold"},
			{Line: "ls -la DIRECTORY/.fairlead", Why: "on the first host; put the folder back from its backup"}}
	default:
		return err
	}
	return told{f, err}
}

// told is a fault that matches what its cause matches.
type told struct {
	*fault.Fault
	cause error
}

// Unwrap gives the fault and its cause.
func (t told) Unwrap() []error { return []error{t.Fault, t.cause} }
