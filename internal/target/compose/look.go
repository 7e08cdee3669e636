package compose

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/rollout"
	"fairlead/internal/target"
	"fairlead/internal/wire/stack"
)

// Look asks all hosts. It needs no agent there and writes nothing.
func (t *Target) Look(ctx context.Context) (target.Observation, error) {
	o := target.Observation{Place: t.config.place()}
	var bundles []string
	for _, h := range t.hosts {
		began := t.now()
		view, err := stack.Look(ctx, h, t.config.layout(), t.place)
		if err != nil {
			return target.Observation{}, t.unreadable(h, err)
		}
		one, err := t.observe(h, view, began)
		if err != nil {
			return target.Observation{}, err
		}
		o.Hosts = append(o.Hosts, one)
		bundles = append(bundles, view.Bundle)
		for _, p := range view.Problems {
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
func unfit(err error) (target.Problem, bool) {
	f, ok := fault.Find(err)
	if !ok || !errors.Is(err, host.ErrNoAgent) {
		return target.Problem{}, false
	}
	p := target.Problem{Code: string(f.Code), What: f.What}
	for _, c := range f.Do {
		p.Do += c.Line + "     " + c.Why + "\n"
	}
	return p, true
}

func (t *Target) observe(h *host.Host, v stack.View, began time.Time) (target.Host, error) {
	one := target.Host{Name: h.Name(), Engine: v.Engine, Compose: v.Compose, Platform: v.Platform, Free: v.Free, Skew: skew(v.Now, began, t.now()),
		Services: []target.Service{}}
	if len(v.Ticket) > 0 {
		var known fence.Ticket
		if err := json.Unmarshal(v.Ticket, &known); err != nil {
			return one, fmt.Errorf("read the fence of %s (%s): %w", h.Name(), t.place.Ticket(), err)
		}
		one.Known = known
	}
	for _, s := range v.Services {
		service := target.Service{Name: s.Name, Configured: s.Configured, Replicas: []rollout.Replica{}}
		for _, r := range s.Replicas {
			service.Replicas = append(service.Replicas, rollout.Replica(r))
		}
		one.Services = append(one.Services, service)
	}
	return one, nil
}

// skew is the host's clock minus ours. The host answered at some moment between began and ended, and in whole seconds; what these
// allow counts as no difference.
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

func (t *Target) problem(h *host.Host, p stack.Problem) target.Problem {
	what := p.What
	if len(t.hosts) > 1 {
		what = h.Name() + ": " + what
	}
	return target.Problem{Code: p.Code, What: what, Do: p.Do}
}

// joinBundles is one fingerprint for all hosts: their own where they agree.
func joinBundles(all []string) string {
	if distinct := slices.Compact(slices.Clone(all)); len(distinct) == 1 {
		return distinct[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}
