package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fairlead/internal/fault"
	"fairlead/internal/operate"
	"fairlead/internal/step"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// ended is the error of a command whose ending is already printed: only its outcome is left to become the exit status.
type ended struct{ outcome fault.Outcome }

func (e ended) Error() string { return "ended: " + e.outcome.String() }

// finish prints what is left to be printed of an error and gives the exit status.
func (a *app) finish(ctx context.Context, err error) int {
	var e ended
	if errors.As(err, &e) {
		return e.outcome.Exit()
	}
	outcome := operate.Outcome(err)
	if err == nil {
		return outcome.Exit()
	}
	f := operate.Fault(ctx, err, a.Now())
	a.printBlocked(err)
	a.printFault(f)
	if a.json {
		a.printJSON(view.Failure{Outcome: outcome, Exit: outcome.Exit(), Fault: f, Cause: f.Error()})
	}
	return outcome.Exit()
}

// printBlocked prints the report of a review that closed the gate, and where the note about it is.
func (a *app) printBlocked(err error) {
	var b *step.Blocked
	if !errors.As(err, &b) {
		return
	}
	fmt.Fprint(a.Err, "\n"+ui.Plain(reviewText(b)))
	if !a.leadNote {
		return
	}
	path, err := operate.LeadNote(a.workplace().StateDir(), b)
	switch {
	case err != nil:
		a.say("the note for the engineering lead could not be written: %v", err)
	case path != "":
		a.say("note for the engineering lead: %s", path)
	}
}

// printJSON prints one value as one line of the answer.
func (a *app) printJSON(v any) {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // our own structs; a reader that went away changes nothing
}
