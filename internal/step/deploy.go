package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/rollout"
	"fairlead/internal/target"
)

// roller replaces what runs.
type roller interface {
	Look(ctx context.Context) (target.Observation, error)
	Roll(ctx context.Context, t fence.Ticket, o target.Order, say func(string)) (target.Result, error)
	Underway(ctx context.Context, t fence.Ticket, step string) (bool, error)
}

// Deploy makes the target run the images, service by service.
type Deploy struct {
	Target roller
	ByHand target.Runbook
}

// Deployed is the evidence of Deploy, read from the containers.
type Deployed struct {
	Services []DeployedService `json:"services"`
}

// DeployedService is one service on one host. Unavailable is an upper bound, from the switch until it was ready.
type DeployedService struct {
	Host        string        `json:"host"`
	Service     string        `json:"service"`
	Planned     string        `json:"planned"`
	Previous    string        `json:"previous"`
	Observed    string        `json:"observed"`
	Switched    bool          `json:"switched"`
	Unavailable time.Duration `json:"unavailable"`
	Replicas    int           `json:"replicas"`
}

// Kind names the evidence.
func (Deployed) Kind() engine.Kind { return "deployed/1" }

// Changed tells whether a container was replaced.
func (d Deployed) Changed() bool {
	return slices.ContainsFunc(d.Services, func(s DeployedService) bool { return s.Switched })
}

// String says what runs and what the switch cost.
func (d Deployed) String() string {
	var all []string
	for _, s := range d.Services {
		one := s.Service + " as planned"
		if s.Switched {
			one = fmt.Sprintf("%s ready after %s", s.Service, s.Unavailable.Round(100*time.Millisecond))
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

// Spec declares the step.
func (s Deploy) Spec() engine.Spec {
	return engine.Spec{Name: "deploy", Title: "Replace the services one by one", Effect: engine.Repeatable,
		Mutates: engine.Services, Proves: Deployed{}.Kind(), Runbook: s.ByHand.Replace}
}

// Probe attaches to a rollout that is under way, and finds out whether everything runs as planned already.
func (s Deploy) Probe(ctx context.Context, in engine.Input) (engine.Observation, error) {
	busy, err := s.Target.Underway(ctx, in.Ticket, "deploy")
	if err != nil {
		return engine.Observation{}, err
	}
	if busy {
		return engine.Observation{State: engine.InProgress,
			Because: "a rollout of this run is under way on a host"}, nil
	}
	o, err := s.Target.Look(ctx)
	if err != nil {
		return engine.Observation{}, err
	}
	if d, ok := asPlanned(o, in); ok {
		return engine.Observation{State: engine.Done, Evidence: d, Because: "every service runs its planned digest"},
			nil
	}
	return engine.Observation{State: engine.NotDone, Because: "not every service runs its planned digest"}, nil
}

// asPlanned tells whether all hosts run the planned images, ready, and are configured so.
func asPlanned(o target.Observation, in engine.Input) (Deployed, bool) {
	var d Deployed
	for _, h := range o.Hosts {
		for _, img := range in.Terms.Images {
			s, ok := serviceOn(h, img.Service)
			if !ok || s.Configured != img.Ref() || !container.AllReady(s.Replicas, img.Ref()) {
				return Deployed{}, false
			}
			d.Services = append(d.Services, DeployedService{Host: h.Name, Service: img.Service, Planned: img.Ref(),
				Previous: previous(in, h.Name, img.Service), Observed: img.Ref(), Replicas: len(s.Replicas)})
		}
	}
	return d, len(o.Hosts) > 0
}

func serviceOn(h target.Host, name string) (container.Service, bool) {
	i := slices.IndexFunc(h.Services, func(s container.Service) bool { return s.Name == name })
	if i < 0 {
		return container.Service{}, false
	}
	return h.Services[i], true
}

// previous gives what a service ran on a host at the baseline of the plan, which no later look can change.
func previous(in engine.Input, host, service string) string {
	for _, img := range in.Terms.RanOn(host) {
		if img.Service == service {
			return img.Ref()
		}
	}
	return ""
}

// Run starts the rollout, or attaches to it, and follows it to its end.
func (s Deploy) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	r, err := s.Target.Roll(ctx, in.Ticket, target.NewOrder("deploy", in.Terms.Images, in.Terms.Rollout), say(in))
	switch {
	case errors.Is(err, fence.ErrOvertaken):
		return nil, err
	case fault.IsUntouched(err):
		return nil, &fault.Fault{Code: "deploy-not-started", What: "the rollout was not started",
			Means: "no service was touched", Err: err, Do: goOn}
	case err != nil:
		return nil, &fault.Fault{Code: "deploy-unknown", What: "the rollout cannot be followed to its end",
			Outcome: fault.Unknown, Err: err,
			Means: "production is unknown; the rollout goes on by itself on the host", Do: goOn}
	case !r.Done():
		return nil, incomplete(r)
	}
	d := Deployed{}
	for _, h := range r.Hosts {
		for _, o := range h.Report.Services {
			d.Services = append(d.Services, DeployedService{Host: h.Name, Service: o.Service, Planned: o.Planned,
				Previous: previous(in, h.Name, o.Service),
				Observed: o.Observed, Switched: o.Switched, Unavailable: o.Unavailable, Replicas: len(o.Replicas)})
		}
	}
	return d, nil
}

var goOn = []fault.Command{{Line: "fairlead resume", Why: "looks at what is there and goes on"}}

// incomplete is a rollout that came to its end without every service being ready. What runs is known.
func incomplete(r target.Result) error {
	var why, state []string
	for _, h := range r.Hosts {
		if h.Report.Failed != "" {
			why = append(why, fmt.Sprintf("%s on %s: %s", h.Report.Failed, h.Name, h.Report.Why))
		}
		for _, s := range h.Report.Services {
			state = append(state, fmt.Sprintf("%s on %s runs %s", s.Service, h.Name, short(s)))
		}
	}
	return &fault.Fault{Code: "deploy-incomplete", What: "the rollout stopped: " + strings.Join(why, "; "),
		Means: "production is mixed: " + strings.Join(state, ", "), Outcome: fault.Asking, Do: append([]fault.Command{
			{Line: "fairlead rollback", Why: "brings the old images back"}}, goOn...)}
}

func short(s rollout.Outcome) string {
	switch {
	case s.Observed == s.Planned && s.Ready:
		return "the new image"
	case s.Observed == s.Planned && s.Observed != "":
		return "the new image, not ready"
	case s.Observed == "":
		return "nothing or several images"
	}
	return "the old image"
}
