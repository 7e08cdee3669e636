package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/rollout"
	"fairlead/internal/source"
	"fairlead/internal/target"
)

// rolls is a target that answers a rollout, and nothing else.
type rolls struct {
	looks
	result target.Result
	err    error
}

func (r rolls) Roll(context.Context, fence.Ticket, target.Order, func(string)) (target.Result, error) {
	return r.result, r.err
}

func (rolls) Underway(context.Context, fence.Ticket, string) (bool, error) { return false, nil }

func pinned(t *testing.T, service string, n int) release.Image {
	t.Helper()
	img, err := release.ParseImage(service, fmt.Sprintf("r.example/%s@sha256:%064x", service, n))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestDeploy_says_what_is_known_of_production_when_it_fails(t *testing.T) {
	old, new := pinned(t, "api", 1).Ref(), pinned(t, "api", 2).Ref()
	stopped := func(o rollout.Outcome) target.Result {
		o.Service, o.Planned = "api", new
		return target.Result{Hosts: []target.HostResult{{Name: "web1", Report: rollout.Report{
			Services: []rollout.Outcome{o}, Failed: "api", Why: "its health check has given up"}}}}
	}
	for claim, c := range map[string]struct {
		target  rolls
		code    fault.Code
		outcome fault.Outcome
		says    string
	}{
		"refused before it began": {rolls{err: fault.MarkUntouched(errors.New("no such service"))},
			"deploy-not-started", 0, "no service was touched"},
		"lost on the way": {rolls{err: target.ErrUnreachable}, "deploy-unknown", fault.Unknown,
			"production is unknown"},
		"the old image still runs": {rolls{result: stopped(rollout.Outcome{Observed: old})}, "deploy-incomplete",
			fault.Asking, "the old image"},
		"the new image is not well": {rolls{result: stopped(rollout.Outcome{Observed: new})}, "deploy-incomplete",
			fault.Asking, "not ready"},
		"nothing runs": {rolls{result: stopped(rollout.Outcome{})}, "deploy-incomplete", fault.Asking,
			"nothing or several"},
	} {
		_, err := Deploy{Target: c.target}.Run(t.Context(), engine.Input{})
		f, ok := fault.Find(err)
		if !ok || f.Code != c.code || f.Outcome != c.outcome || !strings.Contains(f.Means, c.says) || len(f.Do) == 0 {
			t.Errorf("%s: %+v", claim, f)
		}
	}
	if _, err := (Deploy{Target: rolls{err: fence.ErrOvertaken}}).Run(t.Context(), engine.Input{}); !errors.Is(err,
		fence.ErrOvertaken) {
		t.Errorf("overtaken: %v", err)
	}
}

func TestBaseline_wants_one_image_of_each_service(t *testing.T) {
	runs := func(host string, digests ...string) target.Host {
		return target.Host{Name: host, Services: []container.Service{{Name: "api",
			Replicas: []container.Replica{{Image: "api:v1", Digests: digests}}}}}
	}
	old, new := pinned(t, "api", 1).Ref(), pinned(t, "api", 2).Ref()
	for claim, c := range map[string]struct {
		hosts []target.Host
		says  string
	}{
		"two hosts agree": {[]target.Host{runs("web1", old), runs("web2", old)}, ""},
		"two hosts disagree": {[]target.Host{runs("web1", old), runs("web2", new)},
			"api runs " + old + " and, on web2, " + new},
		"nothing proves one":    {[]target.Host{runs("web1")}, "its containers do not prove one digest"},
		"nothing runs at first": {[]target.Host{{Name: "web1"}}, ""},
	} {
		proofs := engine.Proofs{}
		if err := proofs.Add(Checked{Observation: target.Observation{Hosts: c.hosts}}); err != nil {
			t.Fatal(err)
		}
		_, err := Baseline{Services: []string{"api"}}.Run(t.Context(), engine.Input{Proofs: proofs})
		if f, ok := fault.Find(err); (c.says == "") != (err == nil) || ok &&
			(f.Code != "baseline-unclear" || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func TestConfirm_closes_the_gate_when_an_image_is_not_what_it_claims(t *testing.T) {
	r := release.Release{App: "shop", Tag: "v1", Commit: strings.Repeat("a", 40),
		Images: []release.Image{pinned(t, "api", 1)}}
	s := Confirm{Found: source.Found{Release: r},
		Verify: func(context.Context, []release.Image, string) ([]release.ConfirmedImage, error) {
			return nil, errors.New("another commit")
		}}
	_, err := s.Run(t.Context(), engine.Input{Say: func(engine.Progress) {}})
	if f, ok := fault.Find(err); !ok || f.Code != "image-unconfirmed" || f.Outcome != fault.Refused ||
		!fault.IsUntouched(err) {
		t.Errorf("%v", err)
	}
}
