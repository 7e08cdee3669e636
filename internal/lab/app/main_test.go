package main

import (
	"net/http/httptest"
	"testing"
	"time"
)

func TestParseBehaviour_reads_every_way_to_misbehave(t *testing.T) {
	got, err := parseBehaviour("slow-boot=2s, slow-stop=8s,crash-at-boot,never-healthy,bad-smoke,ignore-sigterm")
	want := behaviour{slowBoot: 2 * time.Second, slowStop: 8 * time.Second, crash: true, neverHealthy: true,
		badSmoke: true, ignoreTerm: true}
	if err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

func TestParseBehaviour_refuses_what_it_does_not_know(t *testing.T) {
	for _, text := range []string{"slow-boot=soon", "be-good"} {
		if _, err := parseBehaviour(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestHandler_answers_as_the_behaviour_says(t *testing.T) {
	cases := []struct {
		b    behaviour
		path string
		want int
	}{
		{behaviour{}, "/health", 200},
		{behaviour{}, "/api/health", 200},
		{behaviour{neverHealthy: true}, "/health", 500},
		{behaviour{neverHealthy: true}, "/api/health", 500},
		{behaviour{neverHealthy: true}, "/version", 200},
		{behaviour{badSmoke: true}, "/health", 200},
		{behaviour{badSmoke: true}, "/api/health", 500},
	}
	for _, c := range cases {
		w := httptest.NewRecorder()
		handler(c.b).ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != c.want {
			t.Errorf("%+v answers %s with %d, want %d", c.b, c.path, w.Code, c.want)
		}
	}
}
