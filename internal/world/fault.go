package world

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The answers of a connection that does not answer; test with errors.Is.
var (
	// ErrLost: the connection broke; whether the request was carried out is not known.
	ErrLost = errors.New("the connection was lost")
	// ErrDown: the place could not be reached; nothing was carried out.
	ErrDown = errors.New("no route to it")
	// ErrFull: the disk is full; nothing was written.
	ErrFull = errors.New("no space left on device")
)

// A Fault is one kind of mishap.
type Fault int

// The faults. A call over a connection meets at most one.
const (
	NoFault       Fault = iota
	CrashBefore         // the caller dies before it sends
	CrashInFlight       // the caller dies after it sent; the request arrives later
	CrashAfter          // the caller dies after the effect, before it hears of it
	LostRequest         // the request never arrives, the caller gets an error
	LostAnswer          // the effect happens, the caller gets an error
	LateDelivery        // the caller gets an error, and the request arrives later all the same
	PauseBefore         // the caller stands still (SIGSTOP) before it sends
	PauseAfter          // the caller stands still before it hears the answer
	Slow                // the request takes seconds
	Outage              // the place cannot be reached for a time
	FullDisk            // nothing can be written there for a time
	Reboot              // the place restarts: what runs there dies
	Interrupt           // somebody presses Ctrl-C
	faultKinds    int   = iota
)

// String gives the fault's name.
func (f Fault) String() string {
	names := [...]string{"none", "crash before", "crash in flight", "crash after", "lost request", "lost answer",
		"late delivery",
		"pause before", "pause after", "slow", "outage", "full disk", "reboot", "interrupt"}
	return names[f]
}

// Faults lists all kinds.
func Faults() []Fault {
	var all []Fault
	for f := CrashBefore; int(f) < faultKinds; f++ {
		all = append(all, f)
	}
	return all
}

// A Profile says how a story is plagued: about one fault in Every calls, at most Most in all, each kind by its weight
// (all equal where Weights is nil).
type Profile struct {
	Every   int
	Most    int
	Weights map[Fault]int
}

// plan is a profile at work.
type plan struct {
	every, left, until int
	kinds              []Fault
	aimed              []aim
}

// aim is one fault at one exact call, for crash tests.
type aim struct {
	call  int
	fault Fault
}

// Plague starts injecting.
func (w *World) Plague(p Profile) {
	w.faults = plan{every: p.Every, left: p.Most}
	for f := CrashBefore; int(f) < faultKinds; f++ {
		weight := 1
		if p.Weights != nil {
			weight = p.Weights[f]
		}
		for range weight {
			w.faults.kinds = append(w.faults.kinds, f)
		}
	}
	w.rearm()
}

// Peace stops injecting.
func (w *World) Peace() { w.faults = plan{} }

// Aim injects one fault at exactly the n-th call from now on (1 is the next), of whatever process that is not steady.
func (w *World) Aim(n int, f Fault) { w.faults = plan{aimed: []aim{{n, f}}} }

// Calls counts the calls so far of processes that are not steady: the places at which Aim can strike.
func (w *World) Calls() int { return w.calls }

// Aimed tells whether the aimed fault is still to come.
func (w *World) Aimed() bool { return len(w.faults.aimed) > 0 }

// Injected counts what has been injected, by kind.
func (w *World) Injected(f Fault) int { return w.counts[f] }

func (w *World) rearm() {
	if w.faults.every > 0 {
		w.faults.until = 1 + w.rng.IntN(2*w.faults.every)
	}
}

// draw decides what befalls this call.
func (w *World) draw(p *Proc, at *Place, what string) Fault {
	if p.Steady {
		return NoFault
	}
	w.calls++
	if n := len(w.faults.aimed); n > 0 {
		a := &w.faults.aimed[0]
		a.call--
		if a.call > 0 {
			return NoFault
		}
		f := a.fault
		w.faults.aimed = nil
		w.counts[f]++
		return f
	}
	if w.faults.left == 0 || len(w.faults.kinds) == 0 {
		return NoFault
	}
	w.faults.until--
	if w.Heat != nil {
		w.faults.until -= w.Heat(what)
	}
	if w.faults.until > 0 {
		return NoFault
	}
	w.rearm()
	f := w.faults.kinds[w.rng.IntN(len(w.faults.kinds))]
	if !p.can(f, at) {
		return NoFault
	}
	w.faults.left--
	w.counts[f]++
	return f
}

func (p *Proc) can(f Fault, at *Place) bool {
	switch f {
	case Outage, FullDisk:
		return !at.Sturdy
	case Reboot:
		return at.Crash != nil
	case Interrupt:
		return p.Cancel != nil
	}
	return true
}

// Do is one call over a connection to a place, by the process whose turn it is. act is its effect, atomic, carried out
// there; it is carried out once, or not at all when the answer is ErrDown or a context's error. After ErrLost nobody
// knows, and it may still be carried out later. Outside of all processes act is simply called.
func (w *World) Do(ctx context.Context, at *Place, what string, act func() error) error {
	p := w.current
	if p == nil {
		return act()
	}
	p.live()
	if err := ctx.Err(); err != nil {
		return err
	}
	f := w.draw(p, at, what)
	if f != NoFault {
		w.Tell("!! %s at %s (%s)", f, what, at.Name)
		if err, over := w.strike(p, f, at, what, act); over {
			return err
		}
	}
	p.Sleep(w.Between(time.Millisecond, 20*time.Millisecond))
	if at.Down() {
		p.Sleep(w.Between(time.Second, 5*time.Second))
		w.Tell("%s (%s): %v", what, at.Name, ErrDown)
		return fmt.Errorf("%s: %w", at.Name, ErrDown)
	}
	err := act()
	if w.Trace != nil {
		w.Tell("%s (%s)%s", what, at.Name, said(err))
	}
	switch f {
	case CrashAfter:
		p.Kill()
	case LostAnswer:
		w.perhapsCut(at)
		return fmt.Errorf("%s: %w", at.Name, ErrLost)
	case PauseAfter:
		p.Sleep(w.pause())
		w.Tell("wakes up")
	}
	return err
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// strike does what a fault does before the request leaves; it tells whether the call is over with that.
func (w *World) strike(p *Proc, f Fault, at *Place, what string, act func() error) (error, bool) {
	switch f {
	case CrashBefore:
		p.Kill()
	case CrashInFlight:
		w.late(at, what, act)
		p.Kill()
	case LateDelivery:
		w.late(at, what, act)
		p.Sleep(w.Between(0, 10*time.Second))
		w.perhapsCut(at)
		return fmt.Errorf("%s: %w", at.Name, ErrLost), true
	case LostRequest:
		p.Sleep(w.Between(0, 10*time.Second))
		return fmt.Errorf("%s: %w", at.Name, ErrLost), true
	case PauseBefore:
		p.Sleep(w.pause())
		w.Tell("wakes up")
	case Slow:
		p.Sleep(w.Between(time.Second, 30*time.Second))
	case Outage:
		at.Cut(w.pause())
	case FullDisk:
		at.Fill(w.pause())
	case Reboot:
		if !at.Sturdy {
			at.Cut(w.Between(time.Second, time.Minute))
		}
		at.Crash()
	case Interrupt:
		p.Cancel()
	}
	return nil, false
}

func (w *World) late(at *Place, what string, act func() error) {
	if at.Near {
		_ = act()
		return
	}
	who := nameOf(w.current)
	w.In(w.Between(time.Millisecond, w.pause()), func() {
		if at.Down() {
			return
		}
		err := act()
		w.Tell("arrives late from %s: %s (%s)%s", who, what, at.Name, said(err))
	})
}

// perhapsCut keeps a place unreachable after a connection to it broke, as it often is.
func (w *World) perhapsCut(at *Place) {
	if !at.Sturdy && w.Chance(0.3) {
		at.Cut(w.pause())
	}
}

func nameOf(p *Proc) string {
	if p == nil {
		return "?"
	}
	return p.name
}

// pause is how long things stand still: seconds, minutes or hours.
func (w *World) pause() time.Duration {
	switch w.rng.IntN(3) {
	case 0:
		return w.Between(time.Second, 20*time.Second)
	case 1:
		return w.Between(20*time.Second, 10*time.Minute)
	}
	return w.Between(10*time.Minute, 2*time.Hour)
}
