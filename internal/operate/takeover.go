package operate

import (
	"context"
	"errors"
	"fmt"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// Abandon closes the open run and leaves everything as it is, after making sure that its holder can change nothing
// more.
func (o *Operator) Abandon(ctx context.Context, reason string) (view.Page, error) {
	head, err := o.Project.Ledger().Head(ctx)
	if err != nil {
		return nil, err
	}
	if head.Open() == "" {
		return nothingOpen("abandon"), nil
	}
	opening, plan, err := o.takeOver(ctx, head, "fairlead abandon --reason "+fault.Word(reason), nil)
	if err != nil {
		return nil, err
	}
	closed, err := o.Project.Engine().Abandon(ctx, opening, plan.Steps, reason)
	if errors.Is(err, engine.ErrNoRun) {
		return nothingOpen("abandon"), nil
	}
	if err != nil {
		return nil, notAbandoned(err)
	}
	o.removeRehearsals(ctx)
	if err := o.Project.ResumeWriters(ctx, true); err != nil {
		return nil, err
	}
	o.announce(ctx, engine.Ending{Run: closed.Run, Outcome: closed.Outcome, Means: closed.Means, Closing: closed,
		Opening: opening, Proofs: opening.Proofs})
	return view.Abandoned{Run: closed.Run, Closing: closed}, nil
}

// Resume takes the open run over, looks at what is in place and goes on from there. decided is a person's word on a
// migration's command whose end is not known.
func (o *Operator) Resume(ctx context.Context, reason string, decided step.Decision) (view.Page, error) {
	head, err := o.Project.Ledger().Head(ctx)
	if err != nil {
		return nil, ledgerUnread(err)
	}
	if head.Open() == "" {
		return nothingOpen("resume"), nil
	}
	opening, plan, err := o.takeOver(ctx, head, "fairlead resume", func(opening engine.Opening) error {
		if m := opening.Terms.Migration; decided.Applied != "" && (m == nil || !m.Commanded()) {
			return Misused("--migration is for a migration that is a command; what the open run has applied is asked " +
				"of the server")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	run, err := o.Project.Engine().Take(ctx, plan, opening, reason)
	switch {
	case errors.Is(err, engine.ErrNoRun):
		return nothingOpen("resume"), nil
	case errors.Is(err, engine.ErrPlanChanged):
		return nil, configChanged(opening, err)
	case err != nil:
		return nil, notTaken(err)
	}
	return o.conclude(ctx, run.Execute(ctx)), nil
}

// nothingOpen is the answer of commands that work on an open run when there is none.
func nothingOpen(verb string) view.Result {
	return view.Result{Outcome: fault.Deployed, Means: fmt.Sprintf("nothing to %s: no run is open", verb)}
}

// takeOver makes sure that the open run may be taken over, and plans it again. again is the command that asks once
// more, fits may refuse the run.
func (o *Operator) takeOver(ctx context.Context, head engine.Head, again string,
	fits func(engine.Opening) error) (engine.Opening, engine.Plan, error) {
	var plan engine.Plan
	opening, err := engine.OpeningOf(head.Last)
	if err == nil && fits != nil {
		err = fits(opening)
	}
	if err == nil {
		err = o.mayTakeOver(ctx, head, again)
	}
	if err != nil {
		return opening, plan, err
	}
	if plan, err = o.Project.Replan(ctx, opening); err != nil {
		return opening, plan, notPlannedAgain(head.Open(), err)
	}
	o.Acting()
	return opening, plan, nil
}

// mayTakeOver asks for an explicit yes when the holder of the open run may still be at work. A holder on this machine
// whose process is gone is not asked about; one whose process runs is, however long it was silent.
func (o *Operator) mayTakeOver(ctx context.Context, head engine.Head, again string) error {
	s, err := engine.Summarize(head.Last)
	if err != nil {
		return err
	}
	last := head.Last[len(head.Last)-1].At
	alive, known := o.Alive(engine.HolderOf(head.Last).Process)
	if known && !alive || !known && view.Silent(o.Now(), last) {
		return nil
	}
	why := fmt.Sprintf("its last sign of life is %s old", ui.Ago(o.Now(), last))
	if known {
		why = "its process still runs on this machine"
	}
	said, err := o.Frontend.Decide(ctx, decide.Question{Text: fmt.Sprintf("run %s (%s %s) is held by %s, and %s.\n"+
		"Taking over means that it can change nothing more, wherever it is.", s.Run, s.Action, s.Tag, s.Holder, why)})
	if err == nil && said.Yes || err != nil && !errors.Is(err, decide.ErrNobody) {
		return err
	}
	return &fault.Fault{Code: "holder-alive", What: fmt.Sprintf("run %s is held by %s, and %s", s.Run, s.Holder, why),
		Outcome: fault.Waiting, Err: err, Means: "nothing was taken over; production is that run's to change",
		Do: []fault.Command{{Line: "fairlead status", Why: "how far the run is"},
			{Line: again + " --yes", Why: "takes over nevertheless"}}}
}

// ledgerUnread is a ledger that cannot be read while a run may be open: what production runs is not known.
func ledgerUnread(err error) error {
	f := fault.Fault{Code: "ledger-unreadable", What: "the ledger cannot be read",
		Do: []fault.Command{{Line: "fairlead resume", Why: "asks again"}}}
	if said, ok := fault.Find(err); ok {
		f = *said
	}
	f.Outcome = fault.Unknown
	f.Means = "nothing was attempted by this command; how far the open run is, and what runs now, is not known"
	return fault.Because(&f, err)
}

const asItWas = "nothing was taken over and nothing was changed by this command; the run is as it was"

func notPlannedAgain(run engine.RunID, err error) error {
	if _, ok := fault.Find(err); ok {
		return err
	}
	return &fault.Fault{Code: "run-unreadable", Err: err, Means: asItWas, Outcome: fault.Misused,
		What: fmt.Sprintf("run %s cannot be planned again from what is stored beside the ledger", run),
		Do:   []fault.Command{seeStatus(), {Line: "fairlead show " + string(run), Why: "what is known of the run"}}}
}

func configChanged(o engine.Opening, err error) error {
	back := fault.Command{Line: "fairlead rollback", Why: "closes the run and brings the old images back"}
	if o.Terms.Action == engine.Migrate {
		back = fault.Command{Line: abandonLine, Why: "closes the run and leaves everything as it is"}
	}
	return &fault.Fault{Code: "plan-changed", What: "the configuration is not the one that the run began with",
		Err: err, Outcome: fault.Refused, Means: asItWas, Do: []fault.Command{{Line: "git log -p -- fairlead.yaml",
			Why: "restore the file as it was when the run began, then resume"}, back}}
}

// notTaken is the error of a takeover that could not be written.
func notTaken(err error) error {
	return unlessDecided(err, &fault.Fault{Code: "run-not-taken", Outcome: fault.Unknown,
		What:  "the takeover could not be written into the ledger",
		Means: "this command changed nothing; what the run left in production is as unknown as before",
		Do:    []fault.Command{seeStatus(), {Line: "fairlead resume", Why: "tries again"}}})
}

func notAbandoned(err error) error {
	if _, ok := fault.Find(err); ok {
		return err
	}
	return unlessDecided(err, &fault.Fault{Code: "run-not-abandoned", What: "the run could not be closed",
		Outcome: fault.Unknown,
		Means: "this command changed nothing in production; the run stays open, and its old holder may still be at " +
			"work where its number could not be raised",
		Do: []fault.Command{seeStatus(), {Line: abandonLine + " --yes", Why: "tries again"}}})
}
