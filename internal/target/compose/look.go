package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/host"
	"fairlead/internal/release"
	"fairlead/internal/target"
	"fairlead/internal/wire/stack"
)

// Look asks all hosts. It needs no agent there and writes nothing.
func (t *Target) Look(ctx context.Context) (target.Observation, error) {
	o := target.Observation{Place: t.config.place()}
	var bundles []string
	for _, h := range t.hosts {
		began := t.now()
		seen, err := stack.Look(ctx, h, t.config.layout(), t.place)
		if err != nil {
			return target.Observation{}, t.unreadable(h, err)
		}
		one, err := t.observe(h, seen, began)
		if err != nil {
			return target.Observation{}, err
		}
		o.Hosts = append(o.Hosts, one)
		bundles = append(bundles, seen.Bundle)
		for _, p := range seen.Problems {
			o.Problems = append(o.Problems, t.problem(h, p))
		}
		if err := h.Fit(ctx); err != nil {
			p, ok := unfit(err)
			if !ok {
				return target.Observation{}, t.unreadable(h, err)
			}
			o.Problems = append(o.Problems, p)
		}
	}
	o.Bundle = joinBundles(bundles)
	return o, nil
}

// unreadable is a host that did not answer, or not in a way that can be read: what runs there is not known.
func (t *Target) unreadable(h *host.Host, err error) error {
	return translate(h, fmt.Errorf("look at %s: %w", h.Name(), err))
}

// unfit is a host onto which no agent can be brought; false for any other trouble.
func unfit(err error) (fault.Problem, bool) {
	f, ok := fault.Find(err)
	if !ok || !errors.Is(err, host.ErrNoAgent) {
		return fault.Problem{}, false
	}
	return fault.Problem{Code: f.Code, What: f.What, Do: f.Do}, true
}

func (t *Target) observe(h *host.Host, v stack.Observation, began time.Time) (target.Host, error) {
	one := target.Host{Name: h.Name(), Engine: v.Engine, Compose: v.Compose, Platform: v.Platform, Free: v.Free,
		Skew: skew(v.Now, began, t.now()), Services: v.Services}
	if len(v.Ticket) > 0 {
		if err := json.Unmarshal(v.Ticket, &one.Known); err != nil {
			return one, fmt.Errorf("read the fence of %s (%s): %w", h.Name(), t.place.Ticket(), err)
		}
	}
	return one, nil
}

// skew is the host's clock minus ours. The host answered at some moment between began and ended, and in whole seconds;
// what these allow counts as no difference.
func skew(there, began, ended time.Time) time.Duration {
	switch {
	case there.IsZero():
		return 0
	case there.Add(time.Second).Before(began):
		return there.Add(time.Second).Sub(began)
	case there.After(ended):
		return there.Sub(ended)
	}
	return 0
}

func (t *Target) problem(h *host.Host, p fault.Problem) fault.Problem {
	if len(t.hosts) > 1 {
		p.What = h.Name() + ": " + p.What
	}
	return p
}

// joinBundles is one fingerprint for all hosts: their own where they agree.
func joinBundles(all []string) string {
	if distinct := slices.Compact(slices.Clone(all)); len(distinct) == 1 {
		return distinct[0]
	}
	return release.SumDigest([]byte(strings.Join(all, "\n"))).String()
}
