package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/planner"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// Check asks everything that can be asked without a release.
func (o *Operator) Check(ctx context.Context) (view.Page, error) {
	c, err := o.Project.Check(ctx)
	return answer(view.Check(c), err)
}

// Status looks at the world and at the ledger; each half is told even if the other cannot be had, with the error of
// that one.
func (o *Operator) Status(ctx context.Context) (view.Page, error) {
	s := view.Status{App: o.Config.App, Environment: o.Config.Environment, NoTarget: !o.Config.Target.Present(),
		Now: o.Now()}
	head, unread := o.Project.Ledger().Head(ctx)
	if unread == nil {
		unread = s.ReadRun(head)
	}
	seen, unseen := o.Project.Look(ctx)
	if unseen != nil {
		s.Unreachable = unseen.Error()
	}
	s.ReadTarget(seen)
	switch {
	case unread != nil && unseen != nil:
		return nil, unseen
	case unread != nil:
		return s, unread
	case unseen != nil:
		return s, unseen
	}
	s.FindRollout(head, seen)
	return s, nil
}

// History lists runs, the newest first; a limit of 0 means all.
func (o *Operator) History(ctx context.Context, limit int) (view.Page, error) {
	runs, err := o.Project.History().Runs(ctx, limit)
	return answer(view.History(append([]engine.Summary{}, runs...)), err)
}

// Records gives those of a run; of the last one without a name, where there is one.
func (o *Operator) Records(ctx context.Context, run engine.RunID) (view.Records, error) {
	if run == "" {
		head, err := o.Project.Ledger().Head(ctx)
		if err != nil || len(head.Last) == 0 {
			return view.Records{}, err
		}
		run = head.Last[0].Run
	}
	records, err := o.Project.Ledger().Records(ctx, run)
	if err == nil && len(records) == 0 {
		err = &fault.Fault{Code: "run-not-found", What: fmt.Sprintf("there is no run %q here", ui.Plain(string(run))),
			Outcome: fault.Misused, Means: "nothing was attempted; production is unchanged",
			Do: []fault.Command{{Line: "fairlead history", Why: "lists the runs"}}}
	}
	return view.Records{Records: records}, err
}

// CheckLedger reads every line and checks that it follows the one before. For a ledger that does not hold it gives the
// page and a fault.
func (o *Operator) CheckLedger(ctx context.Context) (view.Page, error) {
	var c view.LedgerCheck
	lines, err := o.Project.History().Lines(ctx)
	if err != nil && !errors.Is(err, chain.ErrBroken) {
		return nil, err
	}
	if err == nil {
		c.Records, c.Head, err = chain.Verify(func(yield func([]byte, error) bool) {
			for line := range slices.Values(lines) {
				if !yield(line, nil) {
					return
				}
			}
		})
	}
	if err == nil {
		c.Holds = true
		return c, nil
	}
	c.Broken = err.Error()
	return c, &fault.Fault{Code: "ledger-broken", What: "the ledger does not hold", Err: err, Outcome: fault.Refused,
		Means: "nothing was changed by this command; the records behind that line prove nothing",
		Do:    []fault.Command{{Line: "fairlead status", Why: "what runs now, whatever the ledger says"}}}
}

// RecordManual writes down that a release was made by hand. What runs is read from the world, not taken from the
// operator's word.
func (o *Operator) RecordManual(ctx context.Context, reason string) (view.Page, error) {
	if !o.Config.Target.Present() {
		return nil, planner.NeedsTarget()
	}
	seen, err := o.Project.Look(ctx)
	if err != nil {
		return nil, err
	}
	closed, err := o.Project.Engine().RecordManual(ctx, o.Project.NewRun(), view.Running(seen), reason)
	if err != nil {
		return nil, unlessDecided(err, &fault.Fault{Code: "not-recorded", What: "the record could not be written",
			Outcome: fault.FailedUnchanged,
			Means:   "production is unchanged by this command; the record may be there if only the answer was lost",
			Do:      []fault.Command{{Line: "fairlead history", Why: "tells whether it is"}}})
	}
	return view.Manual(closed), nil
}
