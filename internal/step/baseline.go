package step

import (
	"context"
	"fmt"
	"strings"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/target"
)

// Baseline writes down what runs now, by digest, as observed from the containers: the way back. Services lists those of
// the release.
type Baseline struct {
	afresh
	Services []string
	ByHand   target.Runbook
}

// RanBefore is the evidence of Baseline. Images is empty for a first deployment.
type RanBefore struct {
	Images []release.Image `json:"images"`
	Place  string          `json:"place"`
	Bundle string          `json:"bundle"`
}

// Kind names the evidence.
func (RanBefore) Kind() engine.Kind { return "ran-before/1" }

// String says what runs.
func (b RanBefore) String() string {
	if len(b.Images) == 0 {
		return "nothing runs yet: a first deployment"
	}
	var all []string
	for _, i := range b.Images {
		all = append(all, i.Service+" "+i.Digest.Short())
	}
	return "runs now: " + strings.Join(all, ", ")
}

// Spec declares the step.
func (s Baseline) Spec() engine.Spec {
	return engine.Spec{Name: "baseline", Title: "Write down what runs now", Effect: engine.ReadsOnce,
		Needs: []engine.Kind{Checked{}.Kind()}, Proves: RanBefore{}.Kind(), Runbook: s.ByHand.Observe}
}

// Run reads it from what Check observed. Replicas or hosts that disagree close the gate: there would be no one state to
// go back to.
func (s Baseline) Run(_ context.Context, in engine.Input) (engine.Evidence, error) {
	c, err := engine.Recall[Checked](in.Proofs)
	if err != nil {
		return nil, err
	}
	b := RanBefore{Place: c.Observation.Place, Bundle: c.Observation.Bundle, Images: []release.Image{}}
	for _, name := range s.Services {
		img, ok, err := runningImage(c, name)
		if err != nil {
			return nil, refuse("baseline-unclear", "what runs now is not one state", err)
		}
		if ok {
			b.Images = append(b.Images, img)
		}
	}
	return b, nil
}

// runningImage gives the one image that all replicas of a service on all hosts run.
func runningImage(c Checked, service string) (release.Image, bool, error) {
	seen := ""
	for _, h := range c.Observation.Hosts {
		for _, s := range h.Services {
			if s.Name != service || len(s.Replicas) == 0 {
				continue
			}
			image := container.ImageOf(s.Replicas)
			if image == "" {
				return release.Image{}, false, fmt.Errorf(
					"%s on %s: its containers do not prove one digest (created with %s)", service, h.Name,
					s.Replicas[0].Image)
			}
			if seen != "" && image != seen {
				return release.Image{}, false, fmt.Errorf("%s runs %s and, on %s, %s", service, seen, h.Name, image)
			}
			seen = image
		}
	}
	if seen == "" {
		return release.Image{}, false, nil
	}
	img, err := release.ParseImage(service, seen)
	return img, err == nil, err
}
