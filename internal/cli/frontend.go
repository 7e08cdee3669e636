package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/operate"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// frontend is the person at the terminal.
type frontend struct {
	app     *app
	screen  screen
	yes     bool // a flag has answered
	release func()
}

var _ operate.Frontend = (*frontend)(nil)

// Show prints a page as part of the story, before anybody is asked. The screen stands still from here until something
// acts.
func (f *frontend) Show(p view.Page) {
	f.release = f.screen.hold()
	fmt.Fprintf(f.app.Err, "\n%s\n", ui.Plain(p.Text()))
}

// acting lets the screen move again.
func (f *frontend) acting() {
	if f.release != nil {
		f.release()
	}
	f.app.Acting.Store(true)
}

// Note prints one line of the story.
func (f *frontend) Note(text string) { f.app.say("%s", text) }

// Ended prints what went wrong, and what a person must decide.
func (f *frontend) Ended(r view.Result) {
	f.screen.close()
	if r.Err != nil {
		f.app.printBlocked(r.Err)
		f.app.printFault(r.Fault)
	}
	if r.Brief != nil {
		fmt.Fprint(f.app.Err, "\n"+r.Brief.Text())
	}
}

// Decide takes --yes, or the word typed at a terminal; decide.ErrNobody where there is neither.
func (f *frontend) Decide(ctx context.Context, q decide.Question) (decide.Answer, error) {
	a := f.app
	if f.yes {
		return decide.Answer{Yes: true, By: a.name(), How: "--yes"}, nil
	}
	if !a.Terminal {
		return decide.Answer{}, decide.ErrNobody
	}
	word := q.Word
	if word == "" {
		word = "yes"
	}
	fmt.Fprintf(a.Err, "%s\ntype %s to go on, anything else stops: ", ui.Plain(q.Text), ui.Plain(word))
	typed, err := a.line(ctx)
	if err != nil {
		return decide.Answer{}, err
	}
	return decide.Answer{Yes: typed == word, By: a.name(), How: "typed at a terminal"}, nil
}

// askBefore gives what stops before each act, shows the runbook's own commands for it and asks whether to go on.
// Stopping also interrupts the run, so that no policy rolls back what a person stopped.
func (a *app) askBefore(s screen, stop context.CancelFunc) func(context.Context, engine.Spec) error {
	return func(ctx context.Context, spec engine.Spec) error {
		defer s.hold()()
		fmt.Fprintf(a.Err, "\nnext: %s (%s), which changes %s\n", spec.Title, spec.Name, view.Changes(spec.Mutates))
		for _, line := range spec.Runbook {
			fmt.Fprintf(a.Err, "    by hand: %s\n", ui.Clean(line))
		}
		fmt.Fprint(a.Err, "continue or stop? [c/s] ")
		typed, err := a.line(ctx)
		if err != nil {
			return err
		}
		if word := strings.ToLower(typed); word == "c" || word == "continue" {
			return nil
		}
		stop()
		return &fault.Fault{Code: "stopped", What: fmt.Sprintf("stopped by %s before step %s", a.User, spec.Name),
			Means: "this step was not begun", Outcome: fault.Refused}
	}
}

// line reads one line, or gives the context's error. The end of the input is an empty answer.
func (a *app) line(ctx context.Context) (string, error) {
	type read struct {
		text string
		err  error
	}
	if a.lines == nil {
		a.lines = bufio.NewReader(a.In)
	}
	done := make(chan read, 1)
	go func() { // ends with the line or with the program
		text, err := a.lines.ReadSlice('\n')
		done <- read{string(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		if errors.Is(r.err, bufio.ErrBufferFull) {
			return "", nil // nothing that is asked for is that long
		}
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", r.err)
		}
		return strings.TrimSpace(r.text), nil
	}
}
