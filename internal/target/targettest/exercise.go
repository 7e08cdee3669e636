// Package targettest is the suite that every target passes, the fake included: what a Looker, a Preparer and a Roller
// owe to their callers. Test-only. Start with Exercise and Place.
package targettest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/container"
	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/target"
)

// A Target is all of the contract.
type Target interface {
	target.Looker
	target.Preparer
	target.Roller
}

// A Place is one app's place, where at first nothing runs. Open, App, Environment, Release and Absent are required; the
// suite passes over what a nil hook would need.
type Place struct {
	App, Environment string

	Open func(t *testing.T) Target // another operator's handle
	// the n-th release of well-behaved images, pullable, sorted by service
	Release func(t *testing.T, n int) []release.Image
	// a release whose first service (by name) never becomes ready
	Sick   func(t *testing.T) []release.Image
	Absent func(t *testing.T) []release.Image  // images that cannot be pulled
	Within func(t *testing.T, operator func()) // runs one operator's acts; nil: calls it
	// Leave begins to roll and dies in the middle of it; say hears what the rollout tells.
	Leave func(t *testing.T, n int, roll func(ctx context.Context, say func(string)))
	// everything that exists at the place; looking must not change it
	Prints func(t *testing.T) string
}

// Exercise runs the suite. open gives a new place for each test.
func Exercise(t *testing.T, open func(t *testing.T) Place) {
	for _, c := range []struct {
		claim string
		test  func(t *testing.T, p Place)
	}{
		{"looks at a place where nothing runs and changes nothing", unused},
		{"brings images without touching what runs", prepares},
		{"rolls out and reads back what runs", rolls},
		{"does nothing when the same order comes again", again},
		{"refuses a smaller number everywhere", fenced},
		{"refuses the ticket of another ledger", otherLedger},
		{"stops at the first service that does not become ready", stops},
		{"refuses images that cannot be had and changes nothing", absent},
		{"goes on when its operator dies, and is attached to", goesOn},
	} {
		t.Run(strings.ReplaceAll(c.claim, " ", "_"), func(t *testing.T) {
			p := open(t)
			within := p.Within
			if within == nil {
				within = func(_ *testing.T, f func()) { f() }
			}
			within(t, func() { c.test(t, p) })
		})
	}
}

func (p Place) ticket(run string, number int64) fence.Ticket {
	return fence.Ticket{App: p.App, Environment: p.Environment, Ledger: "l-1", Run: run, Number: number,
		Holder: "ana@laptop"}
}

func silent(string) {}

// look gives what runs, by service: configured and observed image and the ids of the replicas.
func look(t *testing.T, p Place) map[string]string {
	t.Helper()
	o, err := p.Open(t).Look(t.Context())
	if err != nil {
		t.Fatalf("look: %v", err)
	}
	seen := map[string]string{}
	for _, h := range o.Hosts {
		for _, s := range h.Services {
			words := []string{"configured " + s.Configured, "runs " + container.ImageOf(s.Replicas)}
			for _, r := range s.Replicas {
				words = append(words, r.ID)
			}
			seen[h.Name+" "+s.Name] = strings.Join(words, " ")
		}
	}
	return seen
}

// deploy brings a release to run.
func deploy(t *testing.T, p Place, tk fence.Ticket, images []release.Image) target.Result {
	t.Helper()
	one := p.Open(t)
	if _, err := one.Prepare(t.Context(), tk, images, silent); err != nil {
		t.Fatalf("prepare: %v", err)
	}
	r, err := one.Roll(t.Context(), tk, target.NewOrder("deploy", images, release.Rollout{}), silent)
	if err != nil {
		t.Fatalf("roll: %v", err)
	}
	return r
}

// settle makes a release run, as the ground for a test.
func settle(t *testing.T, p Place, tk fence.Ticket, images []release.Image) {
	t.Helper()
	if r := deploy(t, p, tk, images); !r.Done() {
		t.Fatalf("the first release does not run: %+v", r)
	}
}

// runs tells whether all services run exactly these images, configured and ready.
func runs(t *testing.T, p Place, images []release.Image) {
	t.Helper()
	o, err := p.Open(t).Look(t.Context())
	if err != nil {
		t.Fatalf("look: %v", err)
	}
	for _, h := range o.Hosts {
		for _, i := range images {
			at := slices.IndexFunc(h.Services, func(s container.Service) bool { return s.Name == i.Service })
			if at < 0 || len(h.Services[at].Replicas) == 0 {
				t.Errorf("%s on %s: nothing runs, want %s", i.Service, h.Name, i.Ref())
				continue
			}
			if got := h.Services[at].Configured; got != i.Ref() {
				t.Errorf("%s on %s is configured to %s, want %s", i.Service, h.Name, got, i.Ref())
			}
			for _, r := range h.Services[at].Replicas {
				if !r.Runs(i.Ref()) || !r.Ready() {
					t.Errorf("%s on %s: %+v, want %s, ready", i.Service, h.Name, r, i.Ref())
				}
			}
		}
	}
}

func unused(t *testing.T, p Place) {
	prints := func() string { return "" }
	if p.Prints != nil {
		prints = func() string { return p.Prints(t) }
	}
	before := prints()
	o, err := p.Open(t).Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Hosts) == 0 || o.Place == "" || o.Bundle == "" {
		t.Errorf("look: %+v; want hosts, a place and a fingerprint", o)
	}
	if len(o.Problems) > 0 {
		t.Errorf("problems: %+v", o.Problems)
	}
	by := p.Open(t).ByHand()
	if slices.ContainsFunc([][]string{by.Check, by.Confirm, by.Observe, by.Pull, by.Replace, {by.Room}},
		func(lines []string) bool {
			return len(lines) == 0 || slices.Contains(lines, "")
		}) {
		t.Errorf("by hand: %+v; want a line for each act", by)
	}
	for _, h := range o.Hosts {
		if h.Platform == "" || h.Known.Number != 0 || len(h.Services) == 0 {
			t.Errorf("host %+v; want a platform, no ticket, the services", h)
		}
		for _, s := range h.Services {
			if len(s.Replicas) != 0 {
				t.Errorf("%s has replicas: %+v", s.Name, s.Replicas)
			}
		}
	}
	if prints() != before {
		t.Errorf("looking changed the place:\n%s", prints())
	}
	again, err := p.Open(t).Look(t.Context())
	if err != nil || again.Bundle != o.Bundle {
		t.Errorf("the fingerprint of the same bundle is %s and then %s (%v)", o.Bundle, again.Bundle, err)
	}
}

func prepares(t *testing.T, p Place) {
	settle(t, p, p.ticket("r-1", 1), p.Release(t, 1))
	before := look(t, p)
	next := p.Release(t, 2)
	got, err := p.Open(t).Prepare(t.Context(), p.ticket("r-2", 2), next, silent)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range got.Hosts {
		for _, i := range next {
			if h.Images[i.Ref()] == "" {
				t.Errorf("%s has no id for %s", h.Name, i.Ref())
			}
		}
	}
	same(t, before, look(t, p))
	if _, err := p.Open(t).Prepare(t.Context(), p.ticket("r-2", 2), next, silent); err != nil {
		t.Errorf("prepare again: %v", err)
	}
}

func rolls(t *testing.T, p Place) {
	for n := 1; n <= 2; n++ {
		images := p.Release(t, n)
		r := deploy(t, p, p.ticket([]string{"r-0", "r-1", "r-2"}[n], int64(n)), images)
		if !r.Done() {
			t.Fatalf("release %d: %+v", n, r)
		}
		for _, h := range r.Hosts {
			for _, s := range h.Report.Services {
				if s.Observed != s.Planned || !s.Ready || !s.Switched {
					t.Errorf("release %d: %+v; want it switched, ready and as planned", n, s)
				}
				if n == 2 && s.Previous != refOf(p.Release(t, 1), s.Service) {
					t.Errorf("release %d: %s ran %q before, want that of release 1", n, s.Service, s.Previous)
				}
			}
		}
		runs(t, p, images)
	}
}

func refOf(images []release.Image, service string) string {
	for _, i := range images {
		if i.Service == service {
			return i.Ref()
		}
	}
	return ""
}

func again(t *testing.T, p Place) {
	images := p.Release(t, 1)
	settle(t, p, p.ticket("r-1", 1), images)
	before := look(t, p)
	for _, number := range []int64{1, 2} {
		r, err := p.Open(t).Roll(t.Context(), p.ticket("r-1", number),
			target.NewOrder("deploy", images, release.Rollout{}), silent)
		if err != nil || !r.Done() {
			t.Errorf("roll again under number %d: %+v, %v", number, r, err)
		}
	}
	r, err := p.Open(t).Roll(t.Context(), p.ticket("r-3", 3), target.NewOrder("deploy", images, release.Rollout{}),
		silent)
	if err != nil || !r.Done() {
		t.Errorf("the same images in another run: %+v, %v", r, err)
	}
	same(t, before, look(t, p))
	if busy, err := p.Open(t).Underway(t.Context(), p.ticket("r-1", 3), "deploy"); busy || err != nil {
		t.Errorf("underway after its end: %v, %v", busy, err)
	}
	if busy, err := p.Open(t).Underway(t.Context(), p.ticket("r-9", 3), "deploy"); busy || err != nil {
		t.Errorf("underway though never started: %v, %v", busy, err)
	}
}

func fenced(t *testing.T, p Place) {
	settle(t, p, p.ticket("r-1", 1), p.Release(t, 1))
	if err := p.Open(t).Raise(t.Context(), p.ticket("r-1", 3)); err != nil {
		t.Fatal(err)
	}
	before := look(t, p)
	old, next := p.ticket("r-1", 2), p.Release(t, 2)
	acts := map[string]func(Target) error{
		"prepare": func(x Target) error { _, err := x.Prepare(t.Context(), old, next, silent); return err },
		"roll": func(x Target) error {
			_, err := x.Roll(t.Context(), old, target.NewOrder("deploy2", next, release.Rollout{}), silent)
			return err
		},
		"raise": func(x Target) error { return x.Raise(t.Context(), old) },
		"keep":  func(x Target) error { return x.StoreFile(t.Context(), old, "record.json", []byte("{}")) },
	}
	for name, act := range acts {
		if err := act(p.Open(t)); !errors.Is(err, fence.ErrOvertaken) {
			t.Errorf("%s under a smaller number: %v, want %v", name, err, fence.ErrOvertaken)
		}
	}
	same(t, before, look(t, p))
	o, err := p.Open(t).Look(t.Context())
	if err != nil || o.Hosts[0].Known.Number != 3 || o.Hosts[0].Known.Ledger != "l-1" {
		t.Errorf("the host knows %+v (%v), want number 3", o.Hosts[0].Known, err)
	}
	if err := p.Open(t).Raise(t.Context(), p.ticket("r-1", 3)); err != nil {
		t.Errorf("the same number again: %v", err)
	}
	if err := p.Open(t).StoreFile(t.Context(), p.ticket("r-1", 3), "record.json", []byte("{}")); err != nil {
		t.Errorf("keep: %v", err)
	}
}

func otherLedger(t *testing.T, p Place) {
	if err := p.Open(t).Raise(t.Context(), p.ticket("r-1", 1)); err != nil {
		t.Fatal(err)
	}
	other := p.ticket("r-2", 9)
	other.Ledger = "l-2"
	if err := p.Open(t).Raise(t.Context(), other); !errors.Is(err, fence.ErrOtherLedger) {
		t.Errorf("raise: %v, want %v", err, fence.ErrOtherLedger)
	}
}

func stops(t *testing.T, p Place) {
	if p.Sick == nil {
		t.Skip("this place has no images that never become ready")
	}
	good, sick := p.Release(t, 1), p.Sick(t)
	settle(t, p, p.ticket("r-1", 1), good)
	r := deploy(t, p, p.ticket("r-2", 2), sick)
	if r.Done() || len(r.Hosts) != 1 || r.Hosts[0].Report.Failed != sick[0].Service {
		t.Fatalf("result %+v; want it to stop at %s", r, sick[0].Service)
	}
	runs(t, p, good[1:])
	back := deploy(t, p, p.ticket("r-3", 3), good)
	if !back.Done() {
		t.Errorf("back to the good release: %+v", back)
	}
	runs(t, p, good)
}

func absent(t *testing.T, p Place) {
	good := p.Release(t, 1)
	settle(t, p, p.ticket("r-1", 1), good)
	before := look(t, p)
	if _, err := p.Open(t).Prepare(t.Context(), p.ticket("r-2", 2), p.Absent(t), silent); err == nil {
		t.Errorf("images that do not exist were prepared")
	}
	same(t, before, look(t, p))
}

func goesOn(t *testing.T, p Place) {
	if p.Leave == nil {
		t.Skip("this place cannot lose its operator")
	}
	settle(t, p, p.ticket("r-1", 1), p.Release(t, 1))
	next := p.Release(t, 2)
	one := p.Open(t)
	if _, err := one.Prepare(t.Context(), p.ticket("r-2", 2), next, silent); err != nil {
		t.Fatal(err)
	}
	p.Leave(t, 2, func(ctx context.Context, say func(string)) {
		_, _ = one.Roll(ctx, p.ticket("r-2", 2), target.NewOrder("deploy", next, release.Rollout{}), say)
	})
	busy, err := p.Open(t).Underway(t.Context(), p.ticket("r-2", 2), "deploy")
	if err != nil || !busy {
		t.Errorf("underway after the operator died: %v, %v", busy, err)
	}
	r, err := p.Open(t).Roll(t.Context(), p.ticket("r-2", 2),
		target.NewOrder("deploy", next, release.Rollout{}), silent)
	if err != nil || !r.Done() {
		t.Fatalf("attached: %+v, %v", r, err)
	}
	runs(t, p, next)
}

func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	for k, v := range before {
		if after[k] != v {
			t.Errorf("%s\nbefore %s\nafter  %s", k, v, after[k])
		}
	}
}
