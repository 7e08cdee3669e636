// Package world is the ground under the simulator and the fakes: one seeded world with virtual time, processes that
// hand over control explicitly, places that can be cut off, and faults drawn from the seed. It knows nothing of
// deployments. The same seed and the same code give the same story, byte for byte. Test-only. Start with New, World.Go
// and World.Do.
package world

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// epoch is the virtual time at which every world begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A World is one story: its clock, its processes and what may go wrong. It is used from one goroutine.
type World struct {
	// Trace hears one line per event; nil is silent and costs nothing.
	Trace func(line string)
	// After hears of each event once it has happened; invariants are checked here.
	After func()
	// Heat tells how many times more often a call is struck than others, where a fault is due; nil means that all are
	// alike.
	Heat func(what string) int

	seed    uint64
	rng     *rand.Rand
	now     time.Duration
	procs   []*Proc
	timers  timers
	current *Proc
	running bool
	serial  int64
	faults  plan
	counts  [faultKinds]int
	events  int
	calls   int
}

// New makes the world of a seed. Without a Profile (see Plague) nothing goes wrong in it.
func New(seed uint64) *World {
	return &World{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
}

// Seed gives the seed.
func (w *World) Seed() uint64 { return w.seed }

// Now gives the virtual time.
func (w *World) Now() time.Time { return epoch.Add(w.now) }

// Events counts what has happened so far: turns of processes and timers.
func (w *World) Events() int { return w.events }

// Int gives a number in [0,n) drawn from the seed.
func (w *World) Int(n int) int { return w.rng.IntN(n) }

// Float gives a number in [0,1) drawn from the seed.
func (w *World) Float() float64 { return w.rng.Float64() }

// Chance is true in the given share of cases.
func (w *World) Chance(share float64) bool { return w.rng.Float64() < share }

// Between gives a duration in [from,to).
func (w *World) Between(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + time.Duration(w.rng.Int64N(int64(to-from)))
}

// Serial gives the next of the numbers 1, 2, 3 … of this world.
func (w *World) Serial() int64 { w.serial++; return w.serial }

// Current gives the process whose turn it is, nil outside of all.
func (w *World) Current() *Proc { return w.current }

// Running tells whether a story is under way; outside of it nothing takes time.
func (w *World) Running() bool { return w.running }

// Tell adds a line to the trace.
func (w *World) Tell(format string, args ...any) {
	if w.Trace == nil {
		return
	}
	who := "world"
	if w.current != nil {
		who = w.current.name
	}
	w.Trace(fmt.Sprintf("%12s  %-10s %s", w.now.Round(time.Millisecond), who, fmt.Sprintf(format, args...)))
}

// In runs act once the duration has passed, whatever becomes of the process that asked for it: a message on its way, a
// server's own work. act must not wait.
func (w *World) In(d time.Duration, act func()) {
	w.timers.push(timer{at: w.now + d, n: w.Serial(), act: act})
}

// mostEvents ends a story that goes round in circles.
const mostEvents = 200_000

// Run lets the story go on until nothing is left to do, the virtual time is over, or it goes round in circles. It tells
// whether everything came to its end.
func (w *World) Run(limit time.Duration) bool {
	w.running = true
	defer func() { w.running = false }()
	for w.events < mostEvents {
		p, at := w.next()
		t, isTimer := w.timers.first()
		if p == nil && !isTimer {
			return true
		}
		if p != nil && isTimer && at <= t {
			isTimer = false
		}
		if isTimer {
			at = t
		}
		if at > limit {
			return false
		}
		w.now = max(w.now, at)
		w.events++
		if isTimer {
			w.timers.pop().act()
		} else {
			p.turn()
		}
		if w.After != nil {
			w.After()
		}
	}
	return false
}

// next gives the process that is due first, and when.
func (w *World) next() (*Proc, time.Duration) {
	var first *Proc
	var at time.Duration
	live := w.procs[:0]
	for _, p := range w.procs {
		if p.state == ended {
			continue
		}
		live = append(live, p)
		due := p.wake
		if p.until != nil && p.until() {
			due = w.now
		}
		if first == nil || due < at {
			first, at = p, due
		}
	}
	clear(w.procs[len(live):])
	w.procs = live
	return first, at
}

// Close ends all processes that are left, so that nothing leaks.
func (w *World) Close() {
	w.After, w.Trace = nil, nil
	for len(w.procs) > 0 {
		for _, p := range w.procs {
			p.Kill()
		}
		w.next()
	}
}
