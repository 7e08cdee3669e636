package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/ui"
)

// announcing is how long telling people may take; it changes nothing about the ending.
const announcing = 30 * time.Second

// answer is what --json prints of an execution.
type answer struct {
	Outcome fault.Outcome `json:"outcome"`
	Exit    int           `json:"exit"`
	Run     engine.RunID  `json:"run,omitempty"`
	Tag     string        `json:"tag"`
	Means   string        `json:"means"`
	Open    bool          `json:"open"`
	Step    engine.Name   `json:"step,omitempty"`
	Fault   *fault.Fault  `json:"fault,omitempty"`
	Cause   string        `json:"cause,omitempty"`
	Brief   string        `json:"brief,omitempty"`
}

// end prints how a run ended, tells those who must know, and gives the outcome to the exit status. Every command that executes a
// run ends here.
func (a *app) end(ctx context.Context, c config.Config, p Project, s screen, e engine.Ending) error {
	s.close()
	a.awaken(ctx, p, &e)
	out := answer{Outcome: e.Outcome, Exit: e.Outcome.Exit(), Run: e.Run, Tag: e.Opening.Terms.Tag, Means: e.Means, Open: e.Open, Step: e.Step}
	if e.Err != nil {
		out.Fault, out.Cause = a.endFault(e), e.Err.Error()
		a.blocked(e.Err)
		a.printFault(out.Fault)
	}
	if e.Outcome == fault.Asking {
		out.Brief = brief(a.briefing(ctx, c, p, e))
		fmt.Fprint(a.Err, "\n"+out.Brief)
	}
	a.announce(ctx, p, e)
	if a.json {
		a.printJSON(out)
		return ended{e.Outcome}
	}
	a.answer("%s: %s (run %s, exit %d)", title(e), ui.Clean(e.Means), e.Run, out.Exit)
	return ended{e.Outcome}
}

// awaken makes sure that what was stopped for the backup runs again, however the run ended. Who has taken over the run decides that now.
func (a *app) awaken(ctx context.Context, p Project, e *engine.Ending) {
	if e.Outcome == fault.Busy {
		return
	}
	err := p.Awaken(ctx, e.Opening.Terms.Action == engine.Rollback)
	if err == nil {
		return
	}
	if f, ok := fault.Find(err); ok && e.Err == nil {
		e.Means = means(f.Means, e.Means)
	}
	if e.Outcome != fault.Unknown { // that they are stopped tells nothing about what is not known
		e.Outcome = fault.Asking
	}
	if !strings.Contains(fmt.Sprint(e.Err), err.Error()) {
		e.Err = errors.Join(e.Err, err)
	}
}

// announce tells people. A note that cannot be delivered is one line and changes nothing.
func (a *app) announce(ctx context.Context, p Project, e engine.Ending) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announcing)
	defer cancel()
	if err := p.Announce(ctx, e); err != nil {
		a.say("note: %s (the outcome is not changed by this)", ui.Clean(err.Error()))
	}
}

// title is the outcome in words.
func title(e engine.Ending) string {
	tag := e.Opening.Terms.Tag
	switch e.Outcome {
	case fault.Deployed:
		if e.Opening.Terms.Action == engine.Rollback {
			return "rolled back to " + tag
		}
		if e.Opening.Terms.Action == engine.Migrate {
			return "applied " + tag
		}
		return "deployed " + tag
	case fault.Refused:
		return "refused " + tag
	case fault.FailedUnchanged:
		return tag + " failed"
	case fault.RolledBack:
		return "failed, and rolled back to " + tag
	case fault.Asking:
		return tag + " failed; a person must decide"
	case fault.Busy:
		return "somebody else has taken over"
	}
	return "unknown"
}

// endFault makes the fault of an ending: what the step said, with the engine's word on production, and always something to type.
func (a *app) endFault(e engine.Ending) *fault.Fault {
	f := &fault.Fault{Code: "step-failed", What: fmt.Sprintf("step %q failed", e.Step), Means: e.Means, Err: e.Err}
	if said, ok := fault.Find(e.Err); ok {
		copied := *said
		f = &copied
		f.Means = means(said.Means, e.Means)
	}
	f.Outcome = e.Outcome
	var over *fence.Overtaken
	switch {
	case errors.As(e.Err, &over):
		f.Code, f.Err = "overtaken", nil
		f.What = takenOver(e.Run, over.By)
		f.Means, f.Do = e.Means, []fault.Command{{Line: "fairlead status", Why: "what runs now, and how far that run is"}}
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
	return fmt.Sprintf("run %s was taken over and closed: run %s of %s followed (number %d)", run, by.Run, by.Holder, by.Number)
}

// means joins what the step knows with what the engine concluded, unless they say the same.
func means(step, engine string) string {
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
	if !e.Open && e.Before != nil {
		return []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead show " + string(e.Before.Run), Why: "every record of the run that failed"}}
	}
	if !e.Open {
		return []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead show " + string(e.Run), Why: "every record of the run"}}
	}
	all := []fault.Command{{Line: "fairlead status", Why: "what runs now"}, {Line: "fairlead resume", Why: "looks at what is there and goes on"}}
	if e.Opening.Terms.Action == engine.Migrate {
		all[0] = fault.Command{Line: "fairlead migrate status", Why: "what is applied"}
	}
	if e.Opening.Terms.Action == engine.Deploy && len(e.Opening.Terms.Baseline) > 0 {
		all = append(all, fault.Command{Line: "fairlead rollback", Why: "brings the old images back; the schema stays"})
	}
	if m := e.Opening.Terms.Migration; m != nil && m.Commanded() && e.Step == "migrate" && e.Outcome == fault.Unknown {
		all = append(all, fault.Command{Line: "fairlead resume --migration applied --reason '…'", Why: "once you have looked at the tool's own history: goes on as if it had ended well"},
			fault.Command{Line: "fairlead resume --migration not-applied --reason '…'", Why: "runs the command again"})
	}
	return append(all, fault.Command{Line: "fairlead abandon --reason '…'", Why: "closes the run and leaves everything as it is"})
}
