package view

import (
	"encoding/json"
	"testing"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/target"
)

func TestStatus_finds_a_rollout_that_ended_while_nobody_was_connected(t *testing.T) {
	digest, err := release.ParseDigest("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	img := release.Image{Service: "api", Repo: "r/api", Digest: digest}
	opening, err := json.Marshal(engine.Opening{Terms: engine.Terms{Action: engine.Deploy, Tag: "v1",
		Images: []release.Image{img}}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	open := engine.Record{Run: "r-1", Verdict: engine.Opened, At: at, Evidence: opening}
	began := engine.Record{Run: "r-1", Verdict: engine.Began, Step: "deploy", At: at.Add(time.Second)}
	ready := container.Replica{Image: img.Ref(), Digests: []string{img.Ref()}, State: "running",
		Started: at.Add(5 * time.Second)}
	other, sick := ready, ready
	other.Digests = []string{"r/api@sha256:other"}
	sick.Health = "starting"
	for name, c := range map[string]struct {
		records  []engine.Record
		replicas []container.Replica
		want     time.Time
	}{
		"the planned image runs, ready": {[]engine.Record{open, began}, []container.Replica{ready},
			ready.Started},
		"one of two replicas runs another image": {[]engine.Record{open, began}, []container.Replica{ready, other},
			time.Time{}},
		"it is not ready": {[]engine.Record{open, began}, []container.Replica{sick},
			time.Time{}},
		"nothing runs": {[]engine.Record{open, began}, nil, time.Time{}},
		"the rollout was not begun by the open run": {[]engine.Record{open}, []container.Replica{ready}, time.Time{}},
	} {
		s := Status{Open: true}
		s.FindRollout(engine.Head{Last: c.records}, target.Observation{
			Hosts: []target.Host{{Services: []container.Service{{Name: "api", Replicas: c.replicas}}}}})
		if !s.Unverified.Equal(c.want) {
			t.Errorf("%s: unverified since %s, want %s", name, s.Unverified, c.want)
		}
	}
}
