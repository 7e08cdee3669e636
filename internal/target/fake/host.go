// Package fake is a target in a seeded world: hosts with an env file, an engine and detached runner processes that live
// on when the operator dies. The runners drive rollout.Run, the very code that the agent runs. Test-only. Start with
// NewHost and New.
package fake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fence"
	"fairlead/internal/rollout"
	"fairlead/internal/world"
)

// An Image is how containers made of it behave.
type Image struct {
	Checked bool          // has a health check
	Boots   time.Duration // until it is healthy
	Sick    bool          // never becomes healthy; without a health check: exits soon
	Absent  bool          // the registry does not have it
}

// A Host is one machine. All operators of a story share it.
type Host struct {
	// Images tells how the container of a reference behaves.
	Images func(ref string) Image
	// Changed hears of each change to what serves, before it becomes true: by which runner's ticket, and what.
	Changed func(h *Host, t fence.Ticket, what string)

	w         *world.World
	place     *world.Place // its connection to the outside
	engine    *world.Place // its own engine; never cut off
	known     fence.Ticket
	env       map[string]string
	instances map[string]*instance
	runners   map[string]*runner
	lock      *runner // who holds the flock
	kept      map[string][]byte
	serial    int
}

// instance is the container of one service.
type instance struct {
	id       string
	image    string
	started  time.Time
	restarts int
}

// NewHost makes a host on which nothing runs.
func NewHost(w *world.World, name string) *Host {
	h := &Host{w: w, place: w.Place(name), engine: w.Place(name + " engine"), env: map[string]string{},
		instances: map[string]*instance{}, runners: map[string]*runner{}, kept: map[string][]byte{},
		Images: func(string) Image { return Image{} }}
	h.engine.Sturdy, h.engine.Near = true, true
	h.place.Crash = h.Crash
	h.engine.Crash = func() {
		h.place.Cut(time.Minute)
		h.Crash()
	}
	return h
}

// Place gives the host's connection to the outside.
func (h *Host) Place() *world.Place { return h.place }

// Name gives the host's name.
func (h *Host) Name() string { return h.place.Name }

// Known gives the largest ticket seen, for invariants.
func (h *Host) Known() fence.Ticket { return h.known }

// Runs gives what a service is made to run and what its container is made of, for invariants.
func (h *Host) Runs(service string) (configured, image string) {
	if b := h.instances[service]; b != nil {
		image = b.image
	}
	return h.env[service], image
}

// Serves tells whether a service's container is up and healthy.
func (h *Host) Serves(service string) bool {
	b := h.instances[service]
	return b != nil && h.replica(b).Ready()
}

// Install makes a service run an image as if it had always done so.
func (h *Host) Install(service, image string) {
	h.env[service] = image
	h.instances[service] = h.instance(image)
	h.instances[service].started = h.w.Now().Add(-24 * time.Hour)
}

func (h *Host) instance(image string) *instance {
	h.serial++
	return &instance{id: fmt.Sprintf("%s-%d", h.place.Name, h.serial), image: image, started: h.w.Now()}
}

// Crash restarts the machine: runners die, containers start again.
func (h *Host) Crash() {
	var mine *world.Proc
	for _, r := range h.runners {
		if r.proc == nil || r.proc.Ended() {
			continue
		}
		if r.proc == h.w.Current() {
			mine = r.proc
			continue
		}
		r.proc.Kill()
	}
	for _, b := range h.instances {
		b.started, b.restarts = h.w.Now(), 0
	}
	if mine != nil {
		mine.Kill()
	}
}

// replica inspects a container now.
func (h *Host) replica(b *instance) container.Replica {
	how, age := h.Images(b.image), h.w.Now().Sub(b.started)
	r := container.Replica{ID: b.id, Image: b.image, ImageID: "id-" + b.image, Digests: []string{b.image},
		State: "running", Restarts: b.restarts, Started: b.started}
	switch {
	case how.Checked && age < how.Boots:
		r.Health = "starting"
	case how.Checked && how.Sick:
		r.Health = "unhealthy"
	case how.Checked:
		r.Health = "healthy"
	case how.Sick && age > how.Boots:
		r.State, r.ExitCode = "exited", 1
	}
	return r
}

// operations are what one runner does to its host; they satisfy rollout.Host.
type operations struct {
	h *Host
	t fence.Ticket
}

var _ rollout.Host = operations{}

// Allow takes its time first and compares then, so that nothing comes between it and the act that follows: here one who
// asks right before he acts cannot be overtaken in between.
func (x operations) Allow(ctx context.Context, t fence.Ticket) error {
	if err := x.h.w.Do(ctx, x.h.engine, fmt.Sprintf("allow %d", t.Number), func() error { return nil }); err != nil {
		return err
	}
	return t.Check(x.h.known)
}

// Look inspects.
func (x operations) Look(ctx context.Context, s rollout.Service) (container.Service, error) {
	var seen container.Service
	err := x.h.w.Do(ctx, x.h.engine, "inspect "+s.Name, func() error { seen = x.h.observe(s.Name); return nil })
	return seen, err
}

func (h *Host) observe(service string) container.Service {
	s := container.Service{Name: service, Configured: h.env[service]}
	if b := h.instances[service]; b != nil {
		s.Replicas = []container.Replica{h.replica(b)}
	}
	return s
}

// Configure sets the image key.
func (x operations) Configure(ctx context.Context, s rollout.Service) error {
	return x.now(ctx, "configure "+s.Name+" "+short(s.Image), func() error {
		if x.h.env[s.Name] == s.Image {
			return nil
		}
		if x.h.engine.Full() || x.h.place.Full() {
			return world.ErrFull
		}
		x.h.change(x.t, "configure "+s.Name)
		x.h.env[s.Name] = s.Image
		return nil
	})
}

// Converge makes the engine run what is configured. It stops the old container first; a runner that is killed in
// between leaves the service without one, or the engine completes the work by itself.
func (x operations) Converge(ctx context.Context, s rollout.Service) error {
	want := ""
	err := x.now(ctx, "stop "+s.Name, func() error {
		want = x.h.env[s.Name]
		b := x.h.instances[s.Name]
		if b != nil && b.image == want && x.h.replica(b).State == "running" {
			want = ""
			return nil
		}
		if x.h.Images(want).Absent {
			return errors.New("no such image")
		}
		x.h.change(x.t, "replace "+s.Name)
		delete(x.h.instances, s.Name)
		return nil
	})
	if err != nil || want == "" {
		return err
	}
	return x.h.w.Do(ctx, x.h.engine, "start "+s.Name+" "+short(want), func() error {
		x.h.instances[s.Name] = x.h.instance(want)
		return nil
	})
}

// now acts first and takes its time afterwards, so that nothing comes between Allow and the act.
func (x operations) now(ctx context.Context, what string, act func() error) error {
	if !x.h.w.Running() {
		return act()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := act()
	x.h.w.Tell("%s (%s)%s", what, x.h.place.Name, said(err))
	if lost := x.h.w.Do(ctx, x.h.engine, what+" is done", func() error { return nil }); err == nil {
		return lost
	}
	return err
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

func short(ref string) string {
	if i := strings.Index(ref, "@sha256:"); i >= 0 {
		return ref[:min(len(ref), i+16)]
	}
	return ref
}

func (h *Host) change(t fence.Ticket, what string) {
	if h.Changed != nil {
		h.Changed(h, t, what)
	}
}
