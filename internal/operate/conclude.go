package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/step"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// How long what follows a run may take; none of it changes the ending.
const (
	announcing = 30 * time.Second
	looking    = 20 * time.Second // for a brief
	removing   = 30 * time.Second // what a rehearsal left
)

// conclude resumes the writers, shows how a run ended, tells those who must know, and gives the result. Every command
// that executes a run ends here.
func (o *Operator) conclude(ctx context.Context, e engine.Ending) view.Result {
	o.resumeWriters(ctx, &e)
	r := view.Result{Outcome: e.Outcome, Exit: e.Outcome.Exit(), Run: e.Run, Tag: e.Opening.Terms.Tag, Means: e.Means,
		Open: e.Open, Step: e.Step, Action: e.Opening.Terms.Action, Err: e.Err}
	if e.Err != nil {
		r.Fault, r.Cause = endingFault(e), e.Err.Error()
	}
	if e.Outcome == fault.Asking {
		b := o.brief(ctx, e)
		r.Brief = &b
	}
	o.Frontend.Ended(r)
	o.announce(ctx, e)
	return r
}

// resumeWriters makes sure that what was stopped for the backup runs again, however the run ended. Who has taken over
// the run decides that now.
func (o *Operator) resumeWriters(ctx context.Context, e *engine.Ending) {
	if e.Outcome == fault.Busy {
		return
	}
	err := o.Project.ResumeWriters(ctx, e.Opening.Terms.Action == engine.Rollback)
	if err == nil {
		return
	}
	if f, ok := fault.Find(err); ok && e.Err == nil {
		e.Means = joinMeans(f.Means, e.Means)
	}
	if e.Outcome != fault.Unknown { // that they are stopped tells nothing about what is not known
		e.Outcome = fault.Asking
	}
	if !strings.Contains(fmt.Sprint(e.Err), err.Error()) {
		e.Err = errors.Join(e.Err, err)
	}
}

// announce tells people. That a note cannot be delivered changes nothing.
func (o *Operator) announce(ctx context.Context, e engine.Ending) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announcing)
	defer cancel()
	if err := o.Project.Announce(ctx, e); err != nil {
		o.Frontend.Note(fmt.Sprintf("note: %s (the outcome is not changed by this)", ui.Clean(err.Error())))
	}
}

// removeRehearsals drops the scratch copies of a run that came to no good end. That it cannot changes no outcome: the
// next one drops them.
func (o *Operator) removeRehearsals(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removing)
	defer cancel()
	removed, err := o.Project.SweepRehearsals(ctx)
	for _, name := range removed {
		o.Frontend.Note("removed what a rehearsal left: " + ui.Clean(name))
	}
	if err != nil {
		o.Frontend.Note("a rehearsal may have left a scratch copy, which the next one removes: " +
			ui.Clean(err.Error()))
	}
}

// brief gathers the page for a decision. What cannot be had is left out.
func (o *Operator) brief(ctx context.Context, e engine.Ending) view.Brief {
	ctx = context.WithoutCancel(ctx)
	b := view.Brief{Ending: e, Lead: o.Config.Escalation.Lead, Now: o.Now()}
	if baseline := e.Opening.Terms.Baseline; len(baseline) > 0 {
		b.Previous, _ = o.Project.TagOf(ctx, baseline) // without it the digests speak
		b.Since = o.schemaChanges(ctx, baseline)
	}
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	b.Seen, _ = o.Project.Look(ctx) // without it the evidence of the run speaks
	if k, err := engine.Recall[step.BackedUp](e.Proofs); err == nil {
		b.Gap, _ = o.Project.Gap(ctx, k.Manifest) // without it the age speaks
		b.Restore = o.restoreEstimate(k.Manifest)
	}
	return b
}

// endingFault makes the fault of an ending: what the step said, with the engine's word on production, and always
// something to type.
func endingFault(e engine.Ending) *fault.Fault {
	f := &fault.Fault{Code: "step-failed", What: fmt.Sprintf("step %q failed", e.Step), Means: e.Means, Err: e.Err}
	if said, ok := fault.Find(e.Err); ok {
		copied := *said
		f = &copied
		f.Means = joinMeans(said.Means, e.Means)
	}
	f.Outcome = e.Outcome
	var over *fence.Overtaken
	switch {
	case errors.As(e.Err, &over):
		f.Code, f.Err = "overtaken", nil
		f.What, f.Means = takenOver(e.Run, over.By), e.Means
		f.Do = []fault.Command{{Line: "fairlead status", Why: "what runs now, and how far that run is"}}
	case e.Outcome == fault.Busy:
		f.Do = []fault.Command{{Line: "fairlead status", Why: "what runs now, and who holds the run"}}
	case len(f.Do) == 0 || e.Open || e.Outcome == fault.RolledBack:
		f.Do = goOn(e)
	}
	if e.Outcome == fault.RolledBack { // what the step saw is over
		f.Means = e.Means
	}
	return f
}

// takenOver says who holds a run now, or which other run has closed it.
func takenOver(run engine.RunID, by fence.Ticket) string {
	if by.Run == "" || by.Run == string(run) {
		return fmt.Sprintf("run %s was taken over by %s (number %d)", run, by.Holder, by.Number)
	}
	return fmt.Sprintf("run %s was taken over and closed: run %s of %s followed (number %d)", run, by.Run, by.Holder,
		by.Number)
}

// joinMeans joins what the step knows with what the engine concluded, unless they say the same.
func joinMeans(step, engine string) string {
	if strings.Contains(engine, step) {
		return engine
	}
	if strings.Contains(step, engine) {
		return step
	}
	return step + "; " + engine
}

// goOn lists what can be typed after a run ended badly, the safe one first.
func goOn(e engine.Ending) []fault.Command {
	t := e.Opening.Terms
	switch {
	case !e.Open && e.Before != nil:
		return []fault.Command{seeStatus(),
			{Line: "fairlead show " + string(e.Before.Run), Why: "every record of the run that failed"}}
	case !e.Open:
		return []fault.Command{seeStatus(), {Line: "fairlead show " + string(e.Run), Why: "every record of the run"}}
	}
	all := []fault.Command{seeStatus(), {Line: "fairlead resume", Why: "looks at what is there and goes on"}}
	if t.Action == engine.Migrate {
		all[0] = fault.Command{Line: "fairlead migrate status", Why: "what is applied"}
	}
	if t.Action == engine.Deploy && len(t.Baseline) > 0 {
		all = append(all, fault.Command{Line: "fairlead rollback", Why: "brings the old images back; the schema stays"})
	}
	if m := t.Migration; m != nil && m.Commanded() && e.Step == "migrate" && e.Outcome == fault.Unknown {
		all = append(all, fault.Command{Line: "fairlead resume --migration applied --reason '…'",
			Why: "once you have looked at the tool's own history: goes on as if it had ended well"},
			fault.Command{Line: "fairlead resume --migration not-applied --reason '…'", Why: "runs the command again"})
	}
	return append(all, fault.Command{Line: abandonLine, Why: "closes the run and leaves everything as it is"})
}
