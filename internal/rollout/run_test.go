package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fence"
)

const (
	oldImage = "r.example/app@sha256:1"
	newImage = "r.example/app@sha256:2"
)

// host is all ports of the machine at once. Each service has one container; boots says how long one of the new image
// takes to be healthy, and becomes what a look finds instead from then on. acts are what was done, in order.
type host struct {
	now      time.Time
	services map[string]*container.Service
	boots    time.Duration
	becomes  func(r *container.Replica)
	fail     map[string]error
	acts     []string
	entries  []Entry
}

func newHost() *host {
	h := &host{now: time.Unix(1_000_000, 0), services: map[string]*container.Service{}, fail: map[string]error{}}
	for _, name := range []string{"api", "web"} {
		h.services[name] = &container.Service{Name: name, Configured: oldImage,
			Replicas: []container.Replica{h.replica(oldImage, "healthy", -time.Hour)}}
	}
	return h
}

func (h *host) replica(image, health string, since time.Duration) container.Replica {
	return container.Replica{ID: fmt.Sprint(h.now.Add(since).UnixNano()), Image: image, Digests: []string{image},
		State: "running", Health: health, Started: h.now.Add(since)}
}

func (h *host) do(act string) error {
	h.acts = append(h.acts, act)
	return h.fail[act]
}

func (h *host) Allow(context.Context, fence.Ticket) error { return h.fail["allow"] }

func (h *host) Look(_ context.Context, s Service) (container.Service, error) {
	seen := *h.services[s.Name]
	seen.Replicas = slices.Clone(seen.Replicas)
	for i := range seen.Replicas {
		r := &seen.Replicas[i]
		if r.Image == newImage && h.now.Sub(r.Started) >= h.boots && r.Health == "starting" {
			r.Health = "healthy"
			if h.becomes != nil {
				h.becomes(r)
			}
		}
	}
	return seen, h.fail["look at "+s.Name]
}

func (h *host) Configure(_ context.Context, s Service) error {
	h.services[s.Name].Configured = s.Image
	return h.do("configure " + s.Name)
}

func (h *host) Converge(_ context.Context, s Service) error {
	err := h.do("converge " + s.Name)
	if err == nil {
		h.services[s.Name].Replicas = []container.Replica{h.replica(h.services[s.Name].Configured, "starting", 0)}
	}
	return err
}

func (h *host) Note(_ context.Context, e Entry) error {
	h.entries = append(h.entries, e)
	return h.fail["note "+string(e.What)]
}

func (h *host) Now() time.Time { return h.now }

func (h *host) Sleep(ctx context.Context, d time.Duration) error {
	h.now = h.now.Add(d)
	return ctx.Err()
}

func order() Order {
	return Order{ID: "r-1/deploy", Services: []Service{{Name: "api", Image: newImage}, {Name: "web", Image: newImage}}}
}

func TestRun_replaces_one_service_after_the_other_and_stops_at_the_first_that_fails(t *testing.T) {
	whole := []string{"configure api", "converge api", "configure web", "converge web"}
	first := whole[:2]
	for claim, c := range map[string]struct {
		arrange func(h *host)
		acts    []string
		done    bool
		failed  string
		why     string
		err     error
	}{
		"both become ready": {func(h *host) { h.boots = 3 * time.Second }, whole, true, "", "", nil},
		"both run the image already": {func(h *host) {
			for _, s := range h.services {
				s.Configured, s.Replicas = newImage, []container.Replica{h.replica(newImage, "healthy", -time.Hour)}
			}
		}, nil, true, "", "", nil},
		"the first was replaced by an attempt that died": {func(h *host) {
			h.services["api"].Configured, h.services["api"].Replicas = newImage,
				[]container.Replica{h.replica(newImage, "starting", 0)}
		}, whole[2:], true, "", "", nil},
		"the first was configured by an attempt that died": {func(h *host) { h.services["api"].Configured = newImage },
			whole[1:], true, "", "", nil},
		"without a health check it must have run for a while": {func(h *host) {
			h.becomes = func(r *container.Replica) { r.Health = "" }
		}, whole, true, "", "", nil},
		"its time is over": {func(h *host) { h.boots = time.Hour }, first, false, "api",
			"not ready within 1m0s: its container is running starting", nil},
		"its health check gives up": {func(h *host) {
			h.becomes = func(r *container.Replica) { r.Health = "unhealthy" }
		}, first, false, "api", "its health check has given up", nil},
		"it exits": {func(h *host) {
			h.becomes = func(r *container.Replica) { r.State, r.ExitCode = "exited", 3 }
		}, first, false, "api", "its container is exited (exit code 3)", nil},
		"it crashes again and again": {func(h *host) {
			h.becomes = func(r *container.Replica) { r.State, r.Restarts = "restarting", 3 }
		}, first, false, "api", "its container was restarted 3 times", nil},
		"it runs another image than was asked": {func(h *host) {
			h.becomes = func(r *container.Replica) { r.Digests = []string{oldImage} }
		}, first, false, "api", "not ready within", nil},
		"the configuration cannot be set": {func(h *host) {
			h.fail["configure api"] = errors.New("set API_IMAGE: denied")
		},
			first[:1], false, "api", "set API_IMAGE: denied", nil},
		"the engine refuses": {func(h *host) { h.fail["converge api"] = errors.New("no such image") },
			first, false, "api", "start api: no such image", nil},
		"the host does not say what runs": {func(h *host) { h.fail["look at api"] = errors.New("engine is down") },
			nil, false, "api", "look at api: engine is down", nil},
		"somebody has taken over": {func(h *host) { h.fail["allow"] = fence.ErrOvertaken }, nil, false, "api",
			"overtaken",
			fence.ErrOvertaken},
		"the journal cannot be written": {func(h *host) { h.fail["note configuring"] = errDisk }, nil, false, "api",
			"write into the journal", errDisk},
		"the end cannot be written": {func(h *host) { h.fail["note ended"] = errDisk }, whole, true, "", "", errDisk},
	} {
		h := newHost()
		c.arrange(h)
		r, err := Run(t.Context(), h, h, h, order())
		switch {
		case !errors.Is(err, c.err) || c.err == nil && err != nil:
			t.Errorf("%s: it ends with %v, want %v", claim, err, c.err)
		case r.Done != c.done || r.Failed != c.failed || !strings.Contains(r.Why, c.why):
			t.Errorf("%s: %+v", claim, r)
		case !slices.Equal(h.acts, c.acts):
			t.Errorf("%s: it did %q, want %q", claim, h.acts, c.acts)
		case r.Overtaken != errors.Is(c.err, fence.ErrOvertaken):
			t.Errorf("%s: overtaken %v", claim, r.Overtaken)
		}
		if last := h.entries[len(h.entries)-1]; last.What != Ended || last.Report == nil ||
			last.Report.Failed != r.Failed {
			t.Errorf("%s: the journal ends with %+v", claim, last)
		}
	}
}

// errDisk is a disk that takes nothing.
var errDisk = errors.New("no space left")

func TestRun_writes_down_before_it_acts_what_was_there(t *testing.T) {
	h := newHost()
	if _, err := Run(t.Context(), h, h, h, order()); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range h.entries {
		said = append(said, strings.TrimSpace(fmt.Sprint(e.What, " ", e.Service, " ", e.Before)))
	}
	want := []string{"configuring api " + oldImage, "converging api", "ready api", "configuring web " + oldImage,
		"converging web", "ready web", "ended"}
	if !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}

func TestRun_reports_what_every_service_runs_after_the_last_act(t *testing.T) {
	h := newHost()
	h.boots, h.becomes = 2*time.Second, func(r *container.Replica) { r.Health = "unhealthy" }
	r, err := Run(t.Context(), h, h, h, order())
	if err != nil || len(r.Services) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	api, web := r.Services[0], r.Services[1]
	if api.Previous != oldImage || api.Observed != newImage || api.Ready || !api.Switched ||
		api.Unavailable < 2*time.Second {
		t.Errorf("the one that failed: %+v", api)
	}
	if web.Previous != oldImage || web.Observed != oldImage || web.Ready || web.Switched || web.Planned != newImage {
		t.Errorf("the one that was not reached: %+v", web)
	}
}

func TestRun_leaves_its_work_when_it_is_stopped_while_it_waits(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	h := newHost()
	h.boots = time.Hour
	stop()
	r, err := Run(ctx, h, h, h, order())
	if !errors.Is(err, context.Canceled) || r.Done || !slices.Equal(h.acts, []string{"configure api", "converge api"}) {
		t.Errorf("%+v, %v, %q", r, err, h.acts)
	}
}
