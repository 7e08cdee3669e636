package world

import "time"

// A Place is something that can be reached over a connection: a host, a database server. It can be cut off and its disk
// can fill.
type Place struct {
	Name string
	// Sturdy places are never cut off and never fill.
	Sturdy bool
	// Near places are on the caller's own machine: nothing is on its way there for long, so nothing arrives late.
	Near bool
	// Crash is called by the fault Reboot; nil means that the place cannot be restarted.
	Crash func()

	w    *World
	down time.Duration
	full time.Duration
}

// Place makes a place.
func (w *World) Place(name string) *Place { return &Place{Name: name, w: w} }

// Down tells whether the place cannot be reached now.
func (p *Place) Down() bool { return p.w.now < p.down }

// Full tells whether nothing can be written there now.
func (p *Place) Full() bool { return p.w.now < p.full }

// Cut makes the place unreachable for a while; what runs there goes on.
func (p *Place) Cut(d time.Duration) { p.down = max(p.down, p.w.now+d) }

// Fill makes every write fail for a while.
func (p *Place) Fill(d time.Duration) { p.full = max(p.full, p.w.now+d) }

// Heal makes the place whole again.
func (p *Place) Heal() { p.down, p.full = 0, 0 }
