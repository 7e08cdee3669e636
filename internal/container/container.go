// Package container says what an engine proves about a running container: its image by digest, its state, its health.
// It knows no engine and asks none. Start with Replica.
package container

import (
	"slices"
	"time"
)

// A Replica is one container of a service, as inspected. Image is the reference it was created with, ImageID the
// engine's id of the image, Digests the names "repository@sha256:…" under which the engine knows that image. State is
// one of created, running, restarting, exited, dead and paused; Health is "" without a health check, or one of
// starting, healthy and unhealthy.
type Replica struct {
	ID       string    `json:"id"`
	Image    string    `json:"image"`
	ImageID  string    `json:"image_id"`
	Digests  []string  `json:"digests"`
	State    string    `json:"state"`
	Health   string    `json:"health"`
	Restarts int       `json:"restarts"`
	Started  time.Time `json:"started"`
	ExitCode int       `json:"exit_code"`
}

// A Service is what a host runs of one service. Configured is the image that the configuration there names, "" where it
// names none.
type Service struct {
	Name       string    `json:"name"`
	Configured string    `json:"configured"`
	Replicas   []Replica `json:"replicas"`
}

// Ready tells whether the replica runs and its health check, where it has one, passes.
func (r Replica) Ready() bool {
	return r.State == "running" && (r.Health == "" || r.Health == "healthy")
}

// Runs tells whether the engine proves that the replica was made of exactly this image: a digest of its image id, not
// the string it was created with.
func (r Replica) Runs(image string) bool { return slices.Contains(r.Digests, image) }

// image gives the one image that the replica provably runs, or "". Where the engine knows it under several digests, the
// one it was created with is meant.
func (r Replica) image() string {
	switch {
	case r.Runs(r.Image):
		return r.Image
	case len(r.Digests) == 1:
		return r.Digests[0]
	}
	return ""
}

// ImageOf gives the image that all replicas provably run, or "" when there are none or they disagree.
func ImageOf(replicas []Replica) string {
	if len(replicas) == 0 {
		return ""
	}
	image := replicas[0].image()
	for _, r := range replicas[1:] {
		if r.image() != image {
			return ""
		}
	}
	return image
}

// AllRun tells whether there is a replica and every one was made of the image.
func AllRun(replicas []Replica, image string) bool {
	return len(replicas) > 0 && !slices.ContainsFunc(replicas, func(r Replica) bool { return !r.Runs(image) })
}

// AllReady tells whether there is a replica and every one was made of the image and is ready.
func AllReady(replicas []Replica, image string) bool {
	return AllRun(replicas, image) && !slices.ContainsFunc(replicas, func(r Replica) bool { return !r.Ready() })
}
