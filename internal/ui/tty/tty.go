// Package tty is the screen of a terminal: finished steps stand still with their sign and time, the one at work moves
// on the last line. It writes plain ANSI sequences and is never used without a terminal. Start with New; Close ends its
// goroutine.
package tty

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
)

// Options says what terminal there is.
type Options struct {
	Width  func() int       // columns now; 0 means 80
	Colour bool             // false where NO_COLOR is set
	Now    func() time.Time // for the time of the step at work
	Every  time.Duration    // how often the last line moves; 0 means a tenth of a second
}

// Screen draws events. Its methods may be called from several goroutines.
type Screen struct {
	mu      sync.Mutex
	w       io.Writer
	o       Options
	p       paint
	work    *work
	held    int  // how many holds are open
	drawn   bool // the last line shows the step at work
	frame   int
	stop    chan struct{}
	stopped chan struct{}
}

// work is the step at work.
type work struct {
	spec        engine.Spec
	since       time.Time
	text        string
	done, total int64
}

// New gives a screen and starts moving its last line.
func New(w io.Writer, o Options) *Screen {
	s := newScreen(w, o)
	go s.move()
	return s
}

func newScreen(w io.Writer, o Options) *Screen {
	if o.Every <= 0 {
		o.Every = 100 * time.Millisecond
	}
	return &Screen{w: w, o: o, p: paint(o.Colour), stop: make(chan struct{}), stopped: make(chan struct{})}
}

var _ engine.Observer = (&Screen{}).Observe

// Close stops the movement, clears the last line and waits for the goroutine. A second Close does nothing.
func (s *Screen) Close() {
	s.mu.Lock()
	select {
	case <-s.stop:
		s.mu.Unlock()
		return
	default:
		close(s.stop)
	}
	s.clear()
	s.work = nil
	s.mu.Unlock()
	<-s.stopped
}

// Hold clears the last line and keeps it clear until the returned function is called, so that somebody can be asked in
// between.
func (s *Screen) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.held++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held--
	})
}

func (s *Screen) move() {
	defer close(s.stopped)
	t := time.NewTicker(s.o.Every)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.tick()
		}
	}
}

// tick draws the last line anew.
func (s *Screen) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frame++
	s.draw()
}

// Observe draws one event.
func (s *Screen) Observe(e engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case engine.RunOpened:
		s.print(s.opened(e))
	case engine.StepBegan:
		s.work = &work{spec: e.Spec, since: s.o.Now(), text: e.Spec.Title}
	case engine.StepProgress:
		if s.work != nil && s.work.spec.Name == e.Step {
			s.work.text, s.work.done, s.work.total = e.Text, e.Done, e.Total
		}
	case engine.StepEnded:
		s.work = nil
		s.print(s.ended(e))
	case engine.Asked:
		s.print("  " + s.p.faint(ui.Clip("? "+ui.Clean(e.Question)+" "+ui.Clean(e.Answer), s.width()-2)))
	case engine.RunClosed:
		s.work = nil
		s.print(s.closed(e))
	}
	s.draw()
}

// print writes a line that stays.
func (s *Screen) print(line string) {
	s.clear()
	fmt.Fprintln(s.w, line)
}

func (s *Screen) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[2K")
		s.drawn = false
	}
}

func (s *Screen) draw() {
	if s.work == nil || s.held > 0 {
		return
	}
	sign := []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}[s.frame%10]
	text := ui.Progress(s.work.text, s.work.done, s.work.total)
	if s.work.total > 0 {
		text = bar(s.work.done, s.work.total) + " " + text
	}
	took := ui.Duration(s.o.Now().Sub(s.work.since).Truncate(100 * time.Millisecond))
	text = ui.Clip(text, s.room(took))
	fmt.Fprint(s.w, "\r\x1b[2K"+s.row(s.p.busy(sign), s.work.spec.Name, text, took))
	s.drawn = true
}

// before is the width of two spaces, sign, space, name of ten and two spaces.
const before = 16

// room is the width that is left for a sentence.
func (s *Screen) room(took string) int { return max(10, s.width()-before-ui.Width(took)-2) }

// row lays a step out: sign, name, sentence, and at the right edge of its first line how long it took.
func (s *Screen) row(sign string, name engine.Name, text, took string) string {
	room := s.room(took)
	lines := ui.Wrap(text, room)
	gap := strings.Repeat(" ", max(1, room-ui.Width(lines[0])+2))
	row := fmt.Sprintf("  %s %-10s  %s%s%s", sign, name, lines[0], gap, s.p.faint(took))
	for _, l := range lines[1:] {
		row += "\n" + strings.Repeat(" ", before) + l
	}
	return row
}

func (s *Screen) width() int {
	w := 0
	if s.o.Width != nil {
		w = s.o.Width()
	}
	if w <= 0 {
		w = 80
	}
	// The last column stays free: some terminals break the line when it is written.
	return min(w, 120) - 1
}

func (s *Screen) opened(e engine.RunOpened) string {
	t := e.Terms
	title := map[engine.Action]string{engine.Deploy: "Deploying", engine.Rollback: "Rolling back to",
		engine.Migrate: "Applying"}[t.Action]
	if e.Resumed {
		title = "Going on: " + strings.ToLower(title)
	}
	return fmt.Sprintf("%s\n", s.p.strong(fmt.Sprintf("%s %s of %s in %s", title, t.Tag, t.App,
		t.Environment))+s.p.faint("  run "+string(e.Run)))
}

func (s *Screen) ended(e engine.StepEnded) string {
	text := ui.Why(e.Record.Why, e.Err)
	if text == "" {
		text = e.Spec.Title
	}
	took := ui.Duration(e.Took)
	if e.Took == 0 {
		took = ""
	}
	switch {
	case e.Record.Verdict == engine.Unclear:
		return s.row(s.p.warn("?"), e.Spec.Name, text, took)
	case e.Record.Verdict == engine.Failed || e.Err != nil:
		return s.row(s.p.bad("✗"), e.Spec.Name, text, took)
	case e.Adopted:
		return s.row(s.p.faint("="), e.Spec.Name, text, "already done")
	}
	return s.row(s.p.good("✓"), e.Spec.Name, text, took)
}

func (s *Screen) closed(e engine.RunClosed) string {
	o := e.Closing.Outcome
	colour := s.p.bad
	switch o {
	case fault.Deployed:
		colour = s.p.good
	case fault.RolledBack, fault.Unknown, fault.Busy, fault.Waiting:
		colour = s.p.warn
	}
	text := "\n" + colour(strings.ReplaceAll(o.String(), "-", " ")) + s.p.faint(fmt.Sprintf("  exit %d", o.Exit()))
	if e.Open {
		text += s.p.warn("  the run stays open")
	}
	if m := ui.Clean(e.Closing.Means); m != "" {
		text += "\n" + m
	}
	return text
}

// bar draws ten cells.
func bar(done, total int64) string {
	full := int(min(max(float64(done)/float64(total), 0), 1) * 10)
	return strings.Repeat("━", full) + strings.Repeat("┄", 10-full)
}

// paint colours text where it is true.
type paint bool

func (p paint) with(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) good(s string) string   { return p.with("32", s) }
func (p paint) bad(s string) string    { return p.with("31", s) }
func (p paint) warn(s string) string   { return p.with("33", s) }
func (p paint) busy(s string) string   { return p.with("36", s) }
func (p paint) faint(s string) string  { return p.with("2", s) }
func (p paint) strong(s string) string { return p.with("1", s) }
