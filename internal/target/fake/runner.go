package fake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/rollout"
	"fairlead/internal/world"
)

// errGone: the runner was killed before it came to its end.
var errGone = errors.New("the runner is gone")

// runner is a detached process on a host that carries out one order.
type runner struct {
	h       *Host
	order   rollout.Order
	proc    *world.Proc
	entries []rollout.Entry
	report  *rollout.Report
}

// goesOn tells whether this runner answers a request to start under a number.
func (r *runner) goesOn(number int64) bool {
	same := r.order.Ticket.Number == number
	if r.report != nil {
		return r.report.Done || same
	}
	return same && !r.over()
}

// over tells whether the runner has come to its end, well or not.
func (r *runner) over() bool { return r.proc == nil || r.proc.Ended() }

// start starts an order or attaches to it, as the agent does: one that has come to a good end, or to any end under the
// same number, is not started again; one that died, or ended otherwise under a smaller number, is. A smaller number
// than the largest seen is refused.
func (h *Host) start(o rollout.Order) (*runner, error) {
	if err := h.admit(o.Ticket); err != nil {
		return nil, err
	}
	if r := h.runners[o.ID]; r != nil && r.goesOn(o.Ticket.Number) {
		return r, nil
	}
	r := &runner{h: h, order: o}
	h.runners[o.ID] = r
	if !h.w.Running() {
		r.run(nil)
		return r, nil
	}
	r.proc = h.w.Go(fmt.Sprintf("runner-%d", h.w.Serial()), r.run)
	r.proc.AtDeath(func() {
		if h.lock == r {
			h.lock = nil
		}
	})
	return r, nil
}

// admit compares a ticket and keeps a larger one.
func (h *Host) admit(t fence.Ticket) error {
	if err := t.Check(h.known); err != nil {
		return err
	}
	if t != h.known && h.place.Full() {
		return world.ErrFull
	}
	h.known = t
	return nil
}

// run is the runner's program: it takes the flock and drives the machine.
func (r *runner) run(p *world.Proc) {
	h := r.h
	if p != nil && !p.Wait(3*time.Hour, func() bool { return h.lock == nil }) {
		return
	}
	h.lock = r
	report, err := rollout.Run(context.Background(), operations{h, r.order.Ticket}, r, clock{h.w}, r.order)
	h.lock = nil
	if err == nil || report.Overtaken {
		r.report = &report
	}
	h.w.Tell("runner ends: done=%v failed=%q %s", report.Done, report.Failed, report.Why)
}

// Note keeps an entry on the host's disk.
func (r *runner) Note(ctx context.Context, e rollout.Entry) error {
	return r.h.w.Do(ctx, r.h.engine, fmt.Sprintf("journal %s %s", e.What, e.Service), func() error {
		if r.h.place.Full() {
			return world.ErrFull
		}
		r.entries = append(r.entries, e)
		return nil
	})
}

// Underway tells whether an order of that id is at work here.
func (h *Host) underway(id string) bool {
	r := h.runners[id]
	return r != nil && !r.over()
}

// clock is the world's time for the machines.
type clock struct{ w *world.World }

// Now gives the virtual time.
func (c clock) Now() time.Time { return c.w.Now() }

// Sleep waits.
func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	if p := c.w.Current(); p != nil {
		p.Wait(d, func() bool { return ctx.Err() != nil })
	}
	return ctx.Err()
}

// Raise puts a number on this host.
func (h *Host) Raise(ctx context.Context, t fence.Ticket) error {
	return h.w.Do(ctx, h.place, fmt.Sprintf("raise to %d", t.Number), func() error { return h.admit(t) })
}
