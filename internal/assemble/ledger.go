package assemble

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/ledger/dir"
)

// openLedger opens the ledger of a configuration without target, in a directory of this machine.
func openLedger(b blocks, env func(string) (string, bool)) (dir.Ledger, error) {
	c := b.Ledger
	if ci := ciVariable(env); ci != "" && !c.Durable {
		return dir.Ledger{}, &fault.Fault{Code: "ledger-ephemeral", Outcome: fault.Refused,
			What: fmt.Sprintf("the ledger would be kept in %s on a runner's disk (%s is set) and would be gone "+
				"with the job",
				c.Path, ci),
			Means: "nothing was attempted; production is unchanged",
			Do: []fault.Command{{Line: "ledger: {kind: dir, path: …, durable: true}",
				Why: "in fairlead.yaml, if the directory is on a volume that stays"}}}
	}
	return dir.Open(c.Path.String()), nil
}

// ciVariable gives the variable that tells a CI system whose disks are gone with the job, or "".
func ciVariable(env func(string) (string, bool)) string {
	for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "CI"} {
		if v, set := env(name); set && v != "" && v != "0" && !strings.EqualFold(v, "false") {
			return name
		}
	}
	return ""
}

// refusingLedger is the ledger before anything acts: a host that does not answer, or a ledger that does not hold, is a
// refusal.
type refusingLedger struct {
	engine.Ledger
	engine.History
}

// Head gives the end of the ledger, or the refusal.
func (a refusingLedger) Head(ctx context.Context) (engine.Head, error) {
	h, err := a.Ledger.Head(ctx)
	return h, refused(err)
}

// Records gives one run's records, or the refusal.
func (a refusingLedger) Records(ctx context.Context, run engine.RunID) ([]engine.Record, error) {
	all, err := a.Ledger.Records(ctx, run)
	return all, refused(err)
}

// Runs gives the newest runs first, or the refusal.
func (a refusingLedger) Runs(ctx context.Context, limit int) ([]engine.Summary, error) {
	all, err := a.History.Runs(ctx, limit)
	return all, refused(err)
}

// Lines gives every line, or the refusal.
func (a refusingLedger) Lines(ctx context.Context) ([][]byte, error) {
	all, err := a.History.Lines(ctx)
	return all, refused(err)
}

const notAttempted = "nothing was attempted by this command; production is as it was"

// refused makes a refusal of an error of the ledger or its host.
func refused(err error) error {
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
		f.Do = []fault.Command{{Line: "fairlead --config FILE status",
			Why: "if target.directory was changed: the ledger is where it was"},
			{Line: "ls -la DIRECTORY/.fairlead",
				Why: "on the first host; put the folder back from its backup. Nothing makes a new one silently"}}
	case errors.Is(err, fence.ErrOtherLedger):
		f.What = "this is another ledger than the one that is known: " + innermost(err)
		f.Do = []fault.Command{{Line: "fairlead status",
			Why: "with the configuration that the last release used: directory, first host, app, environment"}}
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
