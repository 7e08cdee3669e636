package assemble

import (
	"context"
	"errors"
	"strings"

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
			return fault.Because(&copied, err)
		}
	}
	f := &fault.Fault{Code: "ledger-unusable", Outcome: fault.Refused, Means: notAttempted}
	switch {
	case errors.Is(err, chain.ErrMissing):
		f.What = "the ledger is gone: " + innermost(err)
		f.Do = []fault.Command{{Line: "fairlead --config FILE status", Why: "if target.directory was changed: the ledger is where it was"},
			{Line: "ls -la DIRECTORY/.fairlead", Why: "on the first host; put the folder back from its backup. Nothing makes a new one silently"}}
	case errors.Is(err, fence.ErrOtherLedger):
		f.What = "this is another ledger than the one that is known: " + innermost(err)
		f.Do = []fault.Command{{Line: "fairlead status", Why: "with the configuration that the last release used: directory, first host, app, environment"}}
	case errors.Is(err, chain.ErrBroken):
		f.What = "a record of the ledger was edited, moved or cut: " + innermost(err)
		f.Do = []fault.Command{{Line: "fairlead ledger verify", Why: "names the first record that does not hold"},
			{Line: "ls -la DIRECTORY/.fairlead", Why: "on the first host; put the folder back from its backup"}}
	default:
		return err
	}
	return fault.Because(f, err)
}

// innermost is the part of an error's text that says where, without the sentences around it.
func innermost(err error) string {
	text := err.Error()
	for _, kind := range []error{chain.ErrMissing, fence.ErrOtherLedger, chain.ErrBroken} {
		if i := strings.LastIndex(text, kind.Error()+": "); i >= 0 {
			text = text[i+len(kind.Error()+": "):]
		}
	}
	if strings.Count(text, ")") > strings.Count(text, "(") {
		text = strings.TrimSuffix(text, ")")
	}
	return text
}
