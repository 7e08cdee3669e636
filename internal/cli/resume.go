package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

type resumeOptions struct {
	yes       bool
	reason    string
	migration string // what a person says of a command whose end is not known
}

func (a *app) resumeCommand() *cobra.Command {
	var o resumeOptions
	c := &cobra.Command{
		Use:   "resume",
		Short: "Look at what is there and go on with the open run",
		Long: `Takes the open run over, from any machine that has the configuration and access, looks at what is in place and goes on from there.
Whoever held it can change nothing more. While its holder still gives signs of life, it asks first.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runResume(c.Context(), a, o) },
	}
	takeoverFlags(c, &o.yes)
	c.Flags().StringVar(&o.reason, "reason", "", "why, for the record")
	c.Flags().StringVar(&o.migration, "migration", "", "applied or not-applied: your word on a migration's command whose end is not known; needs --reason")
	return c
}

// outOfReach is a ledger that cannot be read while a run may be open: what production runs is not known.
func outOfReach(err error) error {
	f := fault.Fault{Code: "ledger-unreadable", What: "the ledger cannot be read", Do: []fault.Command{{Line: "fairlead resume", Why: "asks again"}}}
	if said, ok := fault.Find(err); ok {
		f = *said
	}
	f.Outcome, f.Means = fault.Unknown, "nothing was attempted by this command; how far the open run is, and what runs now, is not known"
	return fault.Because(&f, err)
}

func takeoverFlags(c *cobra.Command, yes *bool) {
	c.Flags().BoolVar(yes, "yes", false, "take over without being asked, even from a holder that gives signs of life")
	c.Flags().BoolVar(yes, "force", false, "the same as --yes")
}

// runResume takes the open run over and executes it.
func runResume(ctx context.Context, a *app, o resumeOptions) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if a.decided, err = a.decision(ctx, o.migration, o.reason); err != nil {
		return err
	}
	p, screen, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	head, err := p.Ledger().Head(ctx)
	if err != nil {
		return outOfReach(err)
	}
	if head.Open() == "" {
		return a.nothingOpen("resume")
	}
	opening, err := engine.OpeningOf(head.Last)
	if err != nil {
		return err
	}
	if m := opening.Terms.Migration; o.migration != "" && (m == nil || !m.Commanded()) {
		return usagef("--migration is for a migration that is a command; what the open run has applied is asked of the server")
	}
	if err := a.mayTake(ctx, head, o.yes, "fairlead resume"); err != nil {
		return err
	}
	plan, err := p.Replan(ctx, opening)
	if err != nil {
		return cannotReplan(head.Open(), err)
	}
	a.Acting.Store(true)
	run, err := p.Engine().Take(ctx, plan, opening, o.reason)
	switch {
	case errors.Is(err, engine.ErrNoRun):
		return a.nothingOpen("resume")
	case errors.Is(err, engine.ErrPlanChanged):
		return replanned(opening, err)
	case err != nil:
		return notTaken(err)
	}
	return a.end(ctx, c, p, screen, run.Execute(ctx))
}

// nothingOpen is the answer of commands that work on an open run when there is none.
func (a *app) nothingOpen(verb string) error {
	means := fmt.Sprintf("nothing to %s: no run is open", verb)
	if a.json {
		a.printJSON(answer{Outcome: fault.Deployed, Means: means})
		return nil
	}
	a.answer("%s", means)
	return nil
}

// mayTake asks for an explicit yes when the holder of the open run may still be at work. A holder on this machine whose process is
// gone is not asked about; one whose process runs is, however long it was silent.
func (a *app) mayTake(ctx context.Context, head engine.Head, yes bool, again string) error {
	s, err := engine.Summarize(head.Last)
	if err != nil {
		return err
	}
	last := head.Last[len(head.Last)-1].At
	alive, known := a.Alive(engine.HolderOf(head.Last).Process)
	if known && !alive || !known && a.Now().Sub(last) >= signOfLife {
		return nil
	}
	why := fmt.Sprintf("its last sign of life is %s old", ago(a.Now(), last))
	if known {
		why = "its process still runs on this machine"
	}
	said, err := decider{app: a, yes: yes}.Decide(ctx, decide.Question{
		Text: fmt.Sprintf("run %s (%s %s) is held by %s, and %s.\nTaking over means that it can change nothing more, wherever it is.", s.Run, s.Action, s.Tag, s.Holder, why)})
	f := &fault.Fault{Code: "holder-alive", What: fmt.Sprintf("run %s is held by %s, and %s", s.Run, s.Holder, why), Outcome: fault.Waiting, Err: err,
		Means: "nothing was taken over; production is that run's to change",
		Do: []fault.Command{{Line: "fairlead status", Why: "how far the run is"},
			{Line: again + " --yes", Why: "takes over nevertheless"}}}
	if errors.Is(err, decide.ErrNobody) || err == nil && !said.Yes {
		return f
	}
	return err
}

func cannotReplan(run engine.RunID, err error) error {
	if _, ok := fault.Find(err); ok {
		return err
	}
	return &fault.Fault{Code: "run-unreadable", What: fmt.Sprintf("run %s cannot be planned again from what is stored beside the ledger", run), Err: err,
		Means: "nothing was taken over and nothing was changed by this command; the run is as it was", Outcome: fault.Misused,
		Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead show " + string(run), Why: "what is known of the run"}}}
}

func replanned(o engine.Opening, err error) error {
	back := fault.Command{Line: "fairlead rollback", Why: "closes the run and brings the old images back"}
	if o.Terms.Action == engine.Migrate {
		back = fault.Command{Line: "fairlead abandon --reason '…'", Why: "closes the run and leaves everything as it is"}
	}
	return &fault.Fault{Code: "plan-changed", What: "the configuration is not the one that the run began with", Err: err, Outcome: fault.Refused,
		Means: "nothing was taken over and nothing was changed by this command; the run is as it was",
		Do: []fault.Command{{Line: "git log -p -- fairlead.yaml", Why: "restore the file as it was when the run began, then resume"},
			back}}
}

// notTaken is the error of a takeover that could not be written.
func notTaken(err error) error {
	if outcomeOf(err) != fault.Misused {
		return err
	}
	return &fault.Fault{Code: "run-not-taken", What: "the takeover could not be written into the ledger", Err: err, Outcome: fault.Unknown,
		Means: "this command changed nothing; what the run left in production is as unknown as before",
		Do:    []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead resume", Why: "tries again"}}}
}
