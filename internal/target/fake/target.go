package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/rollout"
	"fairlead/internal/target"
	"fairlead/internal/world"
)

// A Target is what an operator sees of the hosts.
type Target struct {
	Hosts    []*Host
	Services []string
	Timeout  time.Duration // for a service to become ready

	w *world.World
}

var (
	_ target.Looker   = (*Target)(nil)
	_ target.Preparer = (*Target)(nil)
	_ target.Roller   = (*Target)(nil)
)

// New makes a target of hosts.
func New(w *world.World, services []string, hosts ...*Host) *Target {
	return &Target{Hosts: hosts, Services: services, Timeout: rollout.DefaultTimeout, w: w}
}

// unreachable turns a connection's error into the target's.
func unreachable(err error) error {
	if errors.Is(err, world.ErrLost) || errors.Is(err, world.ErrDown) {
		return fmt.Errorf("%w: %w", target.ErrUnreachable, err)
	}
	return err
}

// Look asks every host what it runs.
func (t *Target) Look(ctx context.Context) (target.Observation, error) {
	o := target.Observation{Place: "fake hosts", Bundle: "bundle-1"}
	for _, h := range t.Hosts {
		var seen target.Host
		err := t.w.Do(ctx, h.place, "look", func() error { seen = t.look(h); return nil })
		if err != nil {
			return target.Observation{}, unreachable(err)
		}
		o.Hosts = append(o.Hosts, seen)
	}
	return o, nil
}

func (t *Target) look(h *Host) target.Host {
	seen := target.Host{Name: h.Name(), Engine: "20.10", Platform: "linux/amd64", Free: 1 << 40, Known: h.known}
	for _, s := range t.Services {
		seen.Services = append(seen.Services, h.observe(s))
	}
	return seen
}

// ByHand gives what nobody needs to type in a world.
func (t *Target) ByHand() target.Runbook {
	one := func(act string) []string { return []string{act + " by hand"} }
	return target.Runbook{Check: one("check"), Confirm: one("confirm"), Observe: one("observe"), Pull: one("pull"),
		Replace: one("replace"), Room: "look for room by hand"}
}

// Prepare pulls everywhere.
func (t *Target) Prepare(ctx context.Context, tk fence.Ticket, images []release.Image,
	say func(string)) (target.Prepared, error) {
	var p target.Prepared
	for _, h := range t.Hosts {
		ph := target.PreparedHost{Name: h.Name(), Images: map[string]string{}}
		err := t.w.Do(ctx, h.place, "pull", func() error {
			if err := h.admit(tk); err != nil {
				return err
			}
			for _, i := range images {
				if h.Images(i.Ref()).Absent {
					return fmt.Errorf("pull %s: not found", i.Ref())
				}
				ph.Images[i.Ref()] = "id-" + i.Ref()
			}
			return nil
		})
		if err != nil {
			return target.Prepared{}, unreachable(err)
		}
		p.Hosts = append(p.Hosts, ph)
	}
	return p, nil
}

func orderID(t fence.Ticket, step string) string { return t.Run + "/" + step }

// Roll starts on every host, one host after the other, and follows each to its end.
func (t *Target) Roll(ctx context.Context, tk fence.Ticket, asked target.Order, say func(string)) (target.Result,
	error) {
	var all target.Result
	for _, h := range t.Hosts {
		rep, err := t.roll(ctx, h, rollout.Order{ID: orderID(tk, asked.Step), Ticket: tk,
			Services: t.order(asked.Images())})
		if err != nil {
			return all, unreachable(err)
		}
		all.Hosts = append(all.Hosts, target.HostResult{Name: h.Name(), Report: rep})
		if !rep.Done {
			return all, nil
		}
	}
	return all, nil
}

func (t *Target) order(images []release.Image) []rollout.Service {
	var all []rollout.Service
	for _, name := range t.Services {
		i := slices.IndexFunc(images, func(i release.Image) bool { return i.Service == name })
		if i >= 0 {
			all = append(all, rollout.Service{Name: name, Image: images[i].Ref(), Timeout: t.Timeout})
		}
	}
	return all
}

func (t *Target) roll(ctx context.Context, h *Host, o rollout.Order) (rollout.Report, error) {
	if err := t.again(ctx, func() error {
		return t.w.Do(ctx, h.place, "start order "+o.ID, func() error { _, err := h.start(o); return err })
	}); err != nil {
		return rollout.Report{}, err
	}
	if p := t.w.Current(); p != nil {
		r := h.runners[o.ID]
		p.Wait(6*time.Hour, func() bool { return r.over() || ctx.Err() != nil })
	}
	var rep rollout.Report
	err := t.again(ctx, func() error {
		return t.w.Do(ctx, h.place, "read the report", func() error {
			r := h.runners[o.ID]
			switch {
			case r == nil || r.report == nil:
				return errGone
			case r.report.Overtaken:
				return &fence.Overtaken{By: h.known}
			}
			rep = *r.report
			return nil
		})
	})
	return rep, err
}

// again connects once more when the connection was lost, and gives up when that fails too.
func (t *Target) again(ctx context.Context, act func() error) error {
	err := act()
	for n := 0; n < 2 && (errors.Is(err, world.ErrLost) || errors.Is(err, world.ErrDown)); n++ {
		if p := t.w.Current(); p != nil {
			p.Sleep(5 * time.Second)
		}
		err = act()
	}
	return err
}

// Underway tells whether a host still works on the order.
func (t *Target) Underway(ctx context.Context, tk fence.Ticket, step string) (bool, error) {
	any := false
	for _, h := range t.Hosts {
		err := t.w.Do(ctx, h.place, "underway?",
			func() error { any = any || h.underway(orderID(tk, step)); return nil })
		if err != nil {
			return false, unreachable(err)
		}
	}
	return any, nil
}

// Raise puts the number on every host.
func (t *Target) Raise(ctx context.Context, tk fence.Ticket) error {
	for _, h := range t.Hosts {
		if err := h.Raise(ctx, tk); err != nil {
			return unreachable(err)
		}
	}
	return nil
}

// StoreFile stores a file of the run on the first host.
func (t *Target) StoreFile(ctx context.Context, tk fence.Ticket, name string, content []byte) error {
	h := t.Hosts[0]
	return unreachable(t.w.Do(ctx, h.place, "keep "+name, func() error {
		if err := h.admit(tk); err != nil {
			return err
		}
		h.kept[tk.Run+"/"+name] = slices.Clone(content)
		return nil
	}))
}
