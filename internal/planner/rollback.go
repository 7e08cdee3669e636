package planner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/step"
	"fairlead/internal/target"
)

// ErrNothingToReturnTo is given for a rollback of a first deployment.
var ErrNothingToReturnTo = errors.New("nothing ran before this deployment")

// PlanRollback plans to bring images back; the schema stays. Images are what is to run, tag is what they are called.
func (p *Planner) PlanRollback(ctx context.Context, tag string, images []release.Image) (engine.Plan, error) {
	if err := p.targeted(); err != nil {
		return engine.Plan{}, err
	}
	if len(images) == 0 {
		return engine.Plan{}, ErrNothingToReturnTo
	}
	o, err := p.with.Target.Look(ctx)
	if err != nil {
		return engine.Plan{}, err
	}
	return p.returnTo(o, tag, images)
}

func (p *Planner) returnTo(o target.Observation, tag string, images []release.Image) (engine.Plan, error) {
	settings, err := p.settings(nil)
	if err != nil {
		return engine.Plan{}, err
	}
	steps := p.rollback()
	t := p.terms(engine.Rollback, tag, steps)
	t.Images, t.Baseline = slices.Clone(images), running(o, images)
	t.Target, t.Bundle, t.Settings = o.Place, o.Bundle, settings
	terms, err := json.Marshal(t)
	if err != nil {
		return engine.Plan{}, err
	}
	plan := engine.Plan{Terms: t, Steps: steps.acting(), Proofs: engine.Proofs{},
		Blobs: map[string][]byte{step.StoredTerms: terms}}
	return plan, plan.Validate()
}

// running gives what runs now of the services in question, as far as it is one state; for the record only.
func running(o target.Observation, images []release.Image) []release.Image {
	all := []release.Image{}
	for _, want := range images {
		for _, h := range o.Hosts {
			if img, ok := runningOn(h, want.Service); ok {
				all = append(all, img)
				break
			}
		}
	}
	return all
}

// runningOn gives what a host runs of a service, where that is one image.
func runningOn(h target.Host, service string) (release.Image, bool) {
	for _, s := range h.Services {
		if s.Name != service {
			continue
		}
		img, err := release.ParseImage(service, container.ImageOf(s.Replicas))
		return img, err == nil
	}
	return release.Image{}, false
}

// Fallback plans the automatic rollback of a failed deployment. Production that has drifted is not rolled back
// automatically: every service must run what the plan brought or what ran before.
func (p *Planner) Fallback(ctx context.Context, o engine.Opening, _ engine.Proofs) (engine.Plan, error) {
	if len(o.Terms.Baseline) == 0 {
		return engine.Plan{}, ErrNothingToReturnTo
	}
	seen, err := p.with.Target.Look(ctx)
	if err != nil {
		return engine.Plan{}, err
	}
	if err := drift(seen, o.Terms); err != nil {
		return engine.Plan{}, err
	}
	tag, err := p.TagOf(ctx, o.Terms.Baseline)
	if err != nil {
		return engine.Plan{}, err
	}
	return p.returnTo(seen, tag, o.Terms.Baseline)
}

func drift(o target.Observation, t engine.Terms) error {
	known := map[string]bool{}
	for _, img := range append(slices.Clone(t.Images), t.Baseline...) {
		known[img.Service+" "+img.Ref()] = true
	}
	for _, h := range o.Hosts {
		for _, s := range h.Services {
			for _, r := range s.Replicas {
				if !slices.ContainsFunc(r.Digests, func(d string) bool { return known[s.Name+" "+d] }) {
					return fmt.Errorf("%s on %s runs %s, which is neither the old nor the new image: somebody else "+
						"was here",
						s.Name, h.Name, r.Image)
				}
			}
		}
	}
	return nil
}

// TagOf gives the tag under which these images were last deployed, or a readable substitute.
func (p *Planner) TagOf(ctx context.Context, images []release.Image) (string, error) {
	runs, err := p.with.History.Runs(ctx, 0)
	if err != nil {
		return "", err
	}
	for _, s := range runs {
		if s.Action != engine.Deploy || s.Outcome != fault.Deployed {
			continue
		}
		o, err := p.Opening(ctx, s.Run)
		if err != nil {
			return "", err
		}
		if slices.Equal(o.Terms.Images, images) {
			return o.Terms.Tag, nil
		}
	}
	return "previous", nil
}

// ImagesOf gives the images of the newest run that deployed a tag.
func (p *Planner) ImagesOf(ctx context.Context, tag string) ([]release.Image, error) {
	runs, err := p.with.History.Runs(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, s := range runs {
		if s.Tag != tag || s.Outcome != fault.Deployed || s.Action == engine.Migrate {
			continue
		}
		o, err := p.Opening(ctx, s.Run)
		return o.Terms.Images, err
	}
	return nil, fmt.Errorf("no run has deployed %s here", tag)
}
