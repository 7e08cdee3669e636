package view

import (
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
)

// A Result is how a command that acts on production ended, or that there was nothing to do.
type Result struct {
	Outcome fault.Outcome `json:"outcome"`
	Exit    int           `json:"exit"`
	Run     engine.RunID  `json:"run,omitempty"`
	Tag     string        `json:"tag"`
	Means   string        `json:"means"`
	Open    bool          `json:"open"`
	Step    engine.Name   `json:"step,omitempty"`
	Fault   *fault.Fault  `json:"fault,omitempty"`
	Cause   string        `json:"cause,omitempty"`
	Brief   *Brief        `json:"brief,omitempty"` // where a person must decide
	Action  engine.Action `json:"-"`
	Err     error         `json:"-"` // what Fault and Cause tell
}

// NothingToDo is the result of a command for which production is as it should be already.
func NothingToDo(tag, format string, args ...any) Result {
	return Result{Outcome: fault.Deployed, Tag: tag, Means: "nothing to do: " + fmt.Sprintf(format, args...)}
}

// Text is the page for people: one line.
func (r Result) Text() string {
	if r.Run == "" {
		return r.Means + "\n"
	}
	return fmt.Sprintf("%s: %s (run %s, exit %d)\n", r.title(), ui.Clean(r.Means), r.Run, r.Exit)
}

// title is the outcome in words.
func (r Result) title() string {
	switch {
	case r.Outcome == fault.Deployed && r.Action == engine.Rollback:
		return "rolled back to " + r.Tag
	case r.Outcome == fault.Deployed && r.Action == engine.Migrate:
		return "applied " + r.Tag
	}
	switch r.Outcome {
	case fault.Deployed:
		return "deployed " + r.Tag
	case fault.Refused:
		return "refused " + r.Tag
	case fault.FailedUnchanged:
		return r.Tag + " failed"
	case fault.RolledBack:
		return "failed, and rolled back to " + r.Tag
	case fault.Asking:
		return r.Tag + " failed; a person must decide"
	case fault.Busy:
		return "somebody else has taken over"
	}
	return "unknown"
}

// A Failure is a command that did not come to its answer.
type Failure struct {
	Outcome fault.Outcome `json:"outcome"`
	Exit    int           `json:"exit"`
	Fault   *fault.Fault  `json:"fault"`
	Cause   string        `json:"cause"`
}

// Manual is the closing of a run that was made by hand.
type Manual engine.Closing

// Text is the page for people.
func (c Manual) Text() string { return fmt.Sprintf("written down as run %s: %s\n", c.Run, c.Means) }

// Abandoned is the closing of a run that was given up.
type Abandoned struct {
	Run     engine.RunID   `json:"run"`
	Closing engine.Closing `json:"closing"`
}

// Text is the page for people.
func (a Abandoned) Text() string {
	return fmt.Sprintf("run %s is closed: %s\n", a.Run, a.Closing.Means)
}
