package cli

import (
	"fmt"

	"golang.org/x/term"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
	"fairlead/internal/ui/jsonl"
	"fairlead/internal/ui/text"
	"fairlead/internal/ui/tty"
)

// screen is what shows the story: lines, or a live screen on a terminal; with --json the events go to standard output
// too.
type screen struct {
	observe engine.Observer
	hold    func() (release func()) // keeps the moving part away while somebody is asked or something is printed
	close   func()                  // ends the moving part; a second time does nothing
}

// noScreen shows nothing.
func noScreen() screen {
	return screen{observe: func(engine.Event) {}, hold: func() func() { return func() {} }, close: func() {}}
}

// screen chooses by what is at the other end.
func (a *app) screen() screen {
	s := noScreen()
	kind, _ := a.Env("TERM")
	if a.Terminal && !a.noColor && kind != "dumb" {
		live := tty.New(a.Err, tty.Options{Width: a.width, Colour: a.colours(), Now: a.Now})
		s = screen{observe: live.Observe, hold: live.Hold, close: live.Close}
	} else {
		s.observe = text.New(a.Err).Observe
	}
	if a.verbose {
		s.observe = engine.Tee(s.observe, a.evidence(s))
	}
	if a.json {
		s.observe = engine.Tee(s.observe, jsonl.New(a.Out))
	}
	return s
}

// evidence shows what each step proved, for -v.
func (a *app) evidence(s screen) engine.Observer {
	return func(e engine.Event) {
		if end, ok := e.(engine.StepEnded); ok && len(end.Record.Evidence) > 0 {
			defer s.hold()()
			a.say("          %s %s", end.Record.Kind, end.Record.Evidence)
		}
	}
}

// colours tells whether what is printed on standard error may have colours.
func (a *app) colours() bool {
	if _, set := a.Env("NO_COLOR"); set || a.noColor || !a.Terminal {
		return false
	}
	kind, _ := a.Env("TERM")
	return kind != "dumb"
}

// width is that of the terminal, 0 where there is none.
func (a *app) width() int {
	f, ok := a.Err.(interface{ Fd() uintptr })
	if !ok || !a.Terminal {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// printFault writes the three parts to standard error.
func (a *app) printFault(f *fault.Fault) {
	style := ui.Style{}
	if a.colours() {
		style = ui.Style{
			Label:   func(s string) string { return "\x1b[1m" + s + "\x1b[0m" },
			Command: func(s string) string { return "\x1b[36m" + s + "\x1b[0m" },
			Faint:   func(s string) string { return "\x1b[2m" + s + "\x1b[0m" },
		}
	}
	fmt.Fprint(a.Err, "\n"+ui.Fault(f, a.width(), style))
}
