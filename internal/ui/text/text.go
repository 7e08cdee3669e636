// Package text is the screen of logs and CI: one line with a time per event, no colour, nothing that moves. Start with
// New.
package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/ui"
)

// between is how long a step stays silent at least between two lines of progress.
const between = 5 * time.Second

// Screen writes events as lines.
type Screen struct {
	w     io.Writer
	index int
	of    int
	next  time.Time // no progress before
}

// New gives a screen. What cannot be written is lost; a run never fails for it.
func New(w io.Writer) *Screen { return &Screen{w: w} }

var _ engine.Observer = (&Screen{}).Observe

// Observe writes one event.
func (s *Screen) Observe(e engine.Event) {
	switch e := e.(type) {
	case engine.RunOpened:
		s.line(e.At, "%s", opened(e))
	case engine.StepBegan:
		s.index, s.of, s.next = e.Index, e.Of, time.Time{}
		s.step(e.At, e.Spec.Name, e.Spec.Title)
	case engine.StepProgress:
		if !e.Line && e.At.Before(s.next) {
			return
		}
		if !e.Line {
			s.next = e.At.Add(between)
		}
		s.step(e.At, e.Step, ui.Progress(e.Text, e.Done, e.Total))
	case engine.StepEnded:
		s.step(e.At, e.Spec.Name, ended(e))
	case engine.Asked:
		s.line(e.At, "asked: %s answered: %s", ui.Clean(e.Question), ui.Clean(e.Answer))
	case engine.RunClosed:
		s.line(e.At, "%s", closed(e))
	}
}

func (s *Screen) line(at time.Time, format string, args ...any) {
	fmt.Fprintf(s.w, "%s  %s\n", at.UTC().Format("15:04:05Z"), fmt.Sprintf(format, args...))
}

func (s *Screen) step(at time.Time, name engine.Name, text string) {
	s.line(at, "%d/%d %-9s %s", s.index, s.of, name, text)
}

func opened(e engine.RunOpened) string {
	verb := "opened"
	if e.Resumed {
		verb = "resumed"
	}
	t := e.Terms
	return fmt.Sprintf("run %s %s on %s: %s %s of %s in %s, by %s", e.Run, verb, e.At.UTC().Format("2006-01-02"),
		t.Action, t.Tag, t.App, t.Environment, ui.Clean(e.Holder.Name))
}

func ended(e engine.StepEnded) string {
	var verdict string
	switch {
	case e.Record.Verdict == engine.Failed && e.Record.Changed:
		verdict = "failed, production is changed"
	case e.Record.Verdict == engine.Failed:
		verdict = "failed, nothing changed"
	case e.Record.Verdict == engine.Unclear:
		verdict = "failed, may have changed something"
	case e.Err != nil:
		verdict = "failed"
	case e.Adopted:
		verdict = "already done"
	default:
		verdict = "done"
	}
	if e.Took > 0 {
		verdict += " after " + ui.Duration(e.Took)
	}
	if why := ui.Why(e.Record.Why, e.Err); why != "" {
		verdict += ": " + why
	}
	return verdict
}

func closed(e engine.RunClosed) string {
	verb := "closed"
	if e.Open {
		verb = "left open"
	}
	text := fmt.Sprintf("run %s %s: %s (exit %d). %s", e.Run, verb,
		strings.ReplaceAll(e.Closing.Outcome.String(), "-", " "), e.Closing.Outcome.Exit(), ui.Clean(e.Closing.Means))
	if e.Closing.Reason != "" {
		text += " Reason: " + ui.Clean(e.Closing.Reason)
	}
	return strings.TrimSpace(text)
}
