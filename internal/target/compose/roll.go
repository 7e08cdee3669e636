package compose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/rollout"
	"fairlead/internal/target"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// reconnects is how often a lost connection is made again while a rollout is followed, with growing pauses: about half
// a minute.
const reconnects = 6

// Roll rolls out on one host after the other and stops at the first that does not come to a good end.
func (t *Target) Roll(ctx context.Context, ticket fence.Ticket, asked target.Order, say func(string)) (target.Result,
	error) {
	order, err := t.order(ticket, asked)
	if err != nil {
		return target.Result{}, err
	}
	start := stack.RollStart{Place: t.place, Layout: t.config.layout(), Order: order}
	var out target.Result
	for i, h := range t.hosts {
		f := follower{target: t, host: h, say: say, start: start}
		r, err := f.run(ctx)
		if err != nil {
			return out, untouchedOnlyIf(i == 0, err)
		}
		if r.Overtaken {
			return out, fmt.Errorf("%s: %w: %s", h.Name(), fence.ErrOvertaken, r.Why)
		}
		out.Hosts = append(out.Hosts, target.HostResult{Name: h.Name(), Report: r})
		if !r.Done {
			return out, nil
		}
	}
	return out, nil
}

// untouchedOnlyIf takes the mark from an error when an earlier host was changed already.
func untouchedOnlyIf(first bool, err error) error {
	if first || !fault.IsUntouched(err) {
		return err
	}
	return fmt.Errorf("an earlier host was changed already: %s", err)
}

func (t *Target) order(ticket fence.Ticket, asked target.Order) (rollout.Order, error) {
	if len(asked.Groups) > 0 {
		return rollout.Order{}, fault.MarkUntouched(
			errors.New("this target takes one host after the other and knows no groups"))
	}
	if i := slices.IndexFunc(asked.Services, func(s target.Service) bool { return s.Strategy != "" }); i >= 0 {
		return rollout.Order{}, fault.MarkUntouched(
			fmt.Errorf("this target knows no strategy %q", asked.Services[i].Strategy))
	}
	keys, err := t.imageKeys(asked.Images())
	if err != nil {
		return rollout.Order{}, err
	}
	o := rollout.Order{ID: ticket.Run + "/" + asked.Step, Ticket: ticket}
	for _, k := range keys {
		o.Services = append(o.Services, rollout.Service{Name: k.Service, Image: k.Image,
			Timeout: t.config.timeout(k.Service)})
	}
	return o, nil
}

// Underway tells whether a rollout of this run and step is known on a host and has not ended.
func (t *Target) Underway(ctx context.Context, ticket fence.Ticket, step string) (bool, error) {
	for _, h := range t.hosts {
		st, err := host.Call[wire.RollState](ctx, h, wire.OpRollState,
			wire.RollRef{Place: t.place, Order: ticket.Run + "/" + step})
		if err != nil {
			return false, translate(h, err)
		}
		if st.Known && !st.Ended {
			return true, nil
		}
	}
	return false, nil
}

// follower starts a rollout on one host and follows it to its end, over as many connections as it takes.
type follower struct {
	target  *Target
	host    *host.Host
	say     func(string)
	start   stack.RollStart
	attempt int64
	heard   int
}

func (f *follower) run(ctx context.Context) (rollout.Report, error) {
	var err error
	started := false
	for try := 0; try <= reconnects; try++ {
		if try > 0 {
			f.say(f.host.Name() + ": " + f.why(err))
			if e := f.target.sleep(ctx, min(time.Second<<(try-1), 8*time.Second)); e != nil {
				return rollout.Report{}, e
			}
		}
		var st wire.RollState
		before := f.heard
		st, err = f.once(ctx, &started)
		switch {
		case err == nil:
			return readReport(f.host, st)
		case wire.CodeOf(err) == wire.CodeGone && try < reconnects:
			started = false // its process died; starting the same order again is safe
		case !errors.Is(err, host.ErrUnreachable):
			return rollout.Report{}, translate(f.host, err)
		case f.heard > before:
			try = 0 // that connection told something
		}
	}
	return rollout.Report{}, translate(f.host, err)
}

// why says why it is tried again.
func (f *follower) why(err error) string {
	if wire.CodeOf(err) == wire.CodeGone {
		return err.Error() + "; starting it again"
	}
	return "the connection was lost; connecting again"
}

// once starts the order, or attaches to it, and follows it as long as the connection holds.
func (f *follower) once(ctx context.Context, started *bool) (wire.RollState, error) {
	if !*started {
		st, err := host.Call[wire.RollState](ctx, f.host, wire.OpRollStart, f.start)
		if err != nil {
			return st, err
		}
		*started = true
		if st.Attempt != f.attempt {
			f.attempt, f.heard = st.Attempt, 0
		}
		if st.Ended {
			return st, nil
		}
	}
	ref := wire.RollRef{Place: f.target.place, Order: f.start.Order.ID, Attempt: f.attempt, Skip: f.heard}
	return host.Stream[wire.RollState](ctx, f.host, wire.OpRollFollow, ref, f.hear)
}

func (f *follower) hear(e wire.RollEntry) error {
	f.heard++
	if text := tell(e.Entry); text != "" {
		f.say(f.host.Name() + ": " + text)
	}
	return nil
}

func tell(e rollout.Entry) string {
	switch e.What {
	case rollout.Configuring:
		return e.Service + ": setting its image"
	case rollout.Converging:
		return e.Service + ": replacing its containers"
	case rollout.Ready:
		return e.Service + ": ready"
	case rollout.NotReady:
		return e.Service + ": " + e.Why
	}
	return ""
}

func readReport(h *host.Host, st wire.RollState) (rollout.Report, error) {
	if !st.Ended || st.Report == nil {
		return rollout.Report{}, fmt.Errorf("%s: the rollout ended without a report", h.Name())
	}
	return *st.Report, nil
}
