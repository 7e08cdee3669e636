package world

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"time"
)

type procState int

const (
	living procState = iota + 1
	dying            // killed; its stack is still to be unwound
	ended
)

// killed unwinds the stack of a process that is no more. Deferred calls of the code run, but whatever they ask of the
// world unwinds again, so they change nothing: a killed process does not clean up.
type killed struct{}

// A Proc is one process: an operator's program, a detached runner on a host. It runs alone until it waits.
type Proc struct {
	// Steady processes are not chosen for faults.
	Steady bool
	// Cancel is called by the fault Interrupt, like a first Ctrl-C; nil means that the process cannot be interrupted.
	Cancel context.CancelFunc

	w      *World
	name   string
	resume func() (struct{}, bool)
	yield  func(struct{}) bool
	state  procState
	wake   time.Duration
	until  func() bool
	graves []func()
	crash  bool
	broken string
}

// Go starts a process. It gets its first turn after at most a second.
func (w *World) Go(name string, body func(p *Proc)) *Proc {
	p := &Proc{w: w, name: name, state: living, wake: w.now + w.Between(0, time.Second)}
	p.resume, _ = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		defer p.end()
		p.live()
		body(p)
	})
	w.procs = append(w.procs, p)
	return p
}

// Name gives the name.
func (p *Proc) Name() string { return p.name }

// Ended tells whether the process is over, well or not.
func (p *Proc) Ended() bool { return p.state == ended }

// Crashed tells whether the process was killed.
func (p *Proc) Crashed() bool { return p.crash }

// Broken gives the message and stack of a panic of the code itself, "" when there was none.
func (p *Proc) Broken() string { return p.broken }

// AtDeath calls f when the process ends, however it ends: its connections break.
func (p *Proc) AtDeath(f func()) { p.graves = append(p.graves, f) }

// Kill ends the process where it waits, like SIGKILL. A process that kills itself does not return.
func (p *Proc) Kill() {
	if p.state != living {
		return
	}
	p.crash, p.state = true, dying
	if p.w.current == p {
		panic(killed{})
	}
	p.turn()
}

// Sleep waits. A process that was killed in the meantime does not return.
func (p *Proc) Sleep(d time.Duration) {
	p.live()
	p.wake = p.w.now + max(d, 0)
	p.rest()
}

// Wait waits until the condition holds or the duration is over; it tells whether the condition holds.
func (p *Proc) Wait(d time.Duration, condition func() bool) bool {
	p.live()
	if condition() {
		return true
	}
	p.wake, p.until = p.w.now+max(d, 0), condition
	p.rest()
	return condition()
}

// rest hands over control.
func (p *Proc) rest() {
	p.yield(struct{}{})
	p.until = nil
	p.live()
}

// live unwinds a process that was killed.
func (p *Proc) live() {
	if p.state == dying {
		panic(killed{})
	}
}

// turn gives control to the process until it waits or ends.
func (p *Proc) turn() {
	before := p.w.current
	p.w.current = p
	_, more := p.resume()
	if !more {
		p.state = ended
	}
	p.w.current = before
}

func (p *Proc) end() {
	if r := recover(); r != nil {
		if _, ok := r.(killed); !ok {
			p.broken = fmt.Sprintf("%v\n%s", r, debug.Stack())
		}
	}
	p.state = ended
	for _, f := range p.graves {
		f()
	}
}
