// Package target is the contract of a place that runs a release, split by caller: what runs (Looker), pull and prove
// (Preparer), replace (Roller). It holds no code of its own beyond the words. Implementations stand in the folders
// below it and pass targettest.Exercise. Start with Looker.
package target

import (
	"context"
	"errors"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/rollout"
)

// ErrUnreachable: a host cannot be reached or does not answer; what runs there is not known. Test with errors.Is.
var ErrUnreachable = errors.New("a host cannot be reached")

// A Looker tells what runs, by digest, observed from the containers. Look changes nothing anywhere, not even on a host
// that has never been used. An Observation with a host that did not answer is never given: that is ErrUnreachable.
// ByHand asks nobody.
type Looker interface {
	Look(ctx context.Context) (Observation, error)
	ByHand() Runbook
}

// A Runbook is what a person types in the place of each act, for the day on which fairlead itself cannot be used. It
// holds no secrets.
type Runbook struct {
	Check   []string // whether the hosts answer and have room
	Confirm []string // whether the registry has an image
	Observe []string // what runs, by digest
	Pull    []string // bring the images
	Replace []string // make the hosts run them
	Room    string   // on a host: what takes the room of images
}

// A Preparer pulls all images to all hosts, proves them there, and keeps those that run now under a local tag. It
// changes nothing that serves. It is safe to repeat.
type Preparer interface {
	Prepare(ctx context.Context, t fence.Ticket, images []release.Image, say func(string)) (Prepared, error)
}

// A Roller replaces what runs. Roll starts the rollout on the hosts, detached from this connection, or attaches to the
// one with the same order, and follows it to its end; it is idempotent by the run of the ticket and the step of the
// order. When the connection is lost it connects again and goes on following; if that fails it gives ErrUnreachable,
// and the rollout goes on by itself. Underway tells whether such a rollout is known on a host and has not ended. Raise
// puts the ticket's number on every host (fence.ErrOvertaken, fence.ErrOtherLedger). StoreFile stores a file of the run
// on the first host.
type Roller interface {
	Roll(ctx context.Context, t fence.Ticket, o Order, say func(string)) (Result, error)
	Underway(ctx context.Context, t fence.Ticket, step string) (bool, error)
	Raise(ctx context.Context, t fence.Ticket) error
	StoreFile(ctx context.Context, t fence.Ticket, name string, content []byte) error
}

// An Order is what a rollout is asked: the services and their images, and the groups of hosts that are taken one after
// the other; without groups each host is one. Step names the step of the run that asks.
type Order struct {
	Step     string
	Groups   [][]string
	Services []Service
}

// A Service is one service of an order: what it is to run and how its containers are replaced.
type Service struct {
	Image    release.Image
	Strategy release.Strategy
}

// NewOrder joins the images and the way they come onto the hosts.
func NewOrder(step string, images []release.Image, r release.Rollout) Order {
	o := Order{Step: step, Groups: r.Groups}
	for _, img := range images {
		o.Services = append(o.Services, Service{Image: img, Strategy: r.Strategies[img.Service]})
	}
	return o
}

// Images gives the images of the services.
func (o Order) Images() []release.Image {
	all := make([]release.Image, len(o.Services))
	for i, s := range o.Services {
		all[i] = s.Image
	}
	return all
}

// An Observation is what all hosts answered.
type Observation struct {
	Place    string          `json:"place"` // readable: kind, hosts, project
	Hosts    []Host          `json:"hosts"`
	Bundle   string          `json:"bundle"`             // fingerprint of the configuration bundle
	Problems []fault.Problem `json:"problems,omitempty"` // what would refuse a plan
}

// A Host is one machine's answer.
type Host struct {
	Name     string              `json:"name"`
	Engine   string              `json:"engine"` // version
	Compose  string              `json:"compose,omitempty"`
	Platform string              `json:"platform"` // linux/amd64
	Free     int64               `json:"free"`     // bytes free where images are stored
	Skew     time.Duration       `json:"skew"`     // host clock minus ours
	Known    fence.Ticket        `json:"known"`    // the largest ticket that this host has seen
	Services []container.Service `json:"services"`
}

// Prepared is the evidence of images on hosts.
type Prepared struct {
	Hosts []PreparedHost `json:"hosts"`
}

// PreparedHost lists the images that a host has now.
type PreparedHost struct {
	Name   string            `json:"name"`
	Images map[string]string `json:"images"` // reference to the engine's image id
	Kept   []string          `json:"kept"`   // local tags of the images that run now
}

// Result is what all hosts run after a rollout.
type Result struct {
	Hosts []HostResult `json:"hosts"`
}

// HostResult is one host's report.
type HostResult struct {
	Name   string         `json:"name"`
	Report rollout.Report `json:"report"`
}

// Done tells whether every host runs the planned images, ready.
func (r Result) Done() bool {
	for _, h := range r.Hosts {
		if !h.Report.Done {
			return false
		}
	}
	return len(r.Hosts) > 0
}
