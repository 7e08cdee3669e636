package container

import "testing"

const (
	imageA = "r.example/api@sha256:aa"
	imageB = "r.example/api@sha256:bb"
)

func TestImageOf_names_an_image_only_where_all_replicas_prove_it(t *testing.T) {
	one := func(image string, digests ...string) Replica { return Replica{Image: image, Digests: digests} }
	for claim, c := range map[string]struct {
		replicas []Replica
		want     string
	}{
		"nothing runs":                         {nil, ""},
		"created with the digest":              {[]Replica{one(imageA, imageA)}, imageA},
		"created with a tag, one digest known": {[]Replica{one("api:v1", imageA)}, imageA},
		"created with a tag, two known":        {[]Replica{one("api:v1", imageA, imageB)}, ""},
		"two known, created with one of them":  {[]Replica{one(imageB, imageA, imageB)}, imageB},
		"no digest: built on the host":         {[]Replica{one("api:v1")}, ""},
		"replicas agree":                       {[]Replica{one(imageA, imageA), one("api:v1", imageA)}, imageA},
		"replicas disagree":                    {[]Replica{one(imageA, imageA), one(imageB, imageB)}, ""},
		"one proves nothing":                   {[]Replica{one("api:v1"), one(imageA, imageA)}, ""},
	} {
		if got := ImageOf(c.replicas); got != c.want {
			t.Errorf("%s: %q, want %q", claim, got, c.want)
		}
	}
}

func TestAllReady_wants_every_replica_to_run_the_image_and_to_be_healthy(t *testing.T) {
	ready := Replica{State: "running", Health: "healthy", Digests: []string{imageA}}
	starting, other, plain, gone := ready, ready, ready, ready
	starting.Health, other.Digests, plain.Health, gone.State = "starting", []string{imageB}, "", "exited"
	for claim, c := range map[string]struct {
		replicas    []Replica
		runs, ready bool
	}{
		"none":                   {nil, false, false},
		"healthy":                {[]Replica{ready}, true, true},
		"without a health check": {[]Replica{ready, plain}, true, true},
		"one is starting":        {[]Replica{ready, starting}, true, false},
		"one has exited":         {[]Replica{ready, gone}, true, false},
		"one runs another image": {[]Replica{ready, other}, false, false},
	} {
		if runs, ready := AllRun(c.replicas, imageA), AllReady(c.replicas, imageA); runs != c.runs || ready != c.ready {
			t.Errorf("%s: runs %v, ready %v", claim, runs, ready)
		}
	}
}
