// Package rollout is the machine that replaces the containers of one host, service by service. It is plain code over
// primitives (look, configure, converge) and does no I/O of its own, so that the agent on a host and the simulator
// drive the same code. It does not know what a release or a run is beyond its ticket. Start with Run.
package rollout

import (
	"context"
	"errors"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fence"
)

// ErrNotReady is given when a service did not become ready within its limit, or never will.
var ErrNotReady = errors.New("it did not become ready")

// An Order is what one host is to do: the services in the order given, each to its image. It is idempotent by ID, which
// is made of run, step and attempt-independent names: starting the same order twice is attaching to it.
type Order struct {
	ID       string       `json:"id"` // "<run>/<step>"
	Ticket   fence.Ticket `json:"ticket"`
	Services []Service    `json:"services"`
}

// A Service is one service of an order.
type Service struct {
	Name    string        `json:"name"`
	Image   string        `json:"image"`   // "repository@sha256:…"
	Timeout time.Duration `json:"timeout"` // how long it may take from the switch until it is ready
}

// A Host is a machine with containers, as rollout needs it.
//
// Allow compares the ticket with the largest number that this host has seen and gives fence.ErrOvertaken; it is asked
// before each mutation. Look inspects. Configure makes the configuration name the service's image, whole or not at all;
// naming what is named changes nothing, and an error says what could not be set. Converge makes the engine run what is
// configured for that service alone and returns when the engine has started it; it is safe to repeat.
type Host interface {
	Allow(ctx context.Context, t fence.Ticket) error
	Look(ctx context.Context, s Service) (container.Service, error)
	Configure(ctx context.Context, s Service) error
	Converge(ctx context.Context, s Service) error
}

// A Journal keeps what happened on the host, durably, before the act that it announces.
type Journal interface {
	Note(ctx context.Context, e Entry) error
}

// An Entry is one line of a rollout's journal.
type Entry struct {
	At      time.Time `json:"at"`
	What    What      `json:"what"`
	Service string    `json:"service,omitempty"`
	Before  string    `json:"before,omitempty"` // the image key's value before, for "configuring"
	Report  *Report   `json:"report,omitempty"` // for "ended"
	Why     string    `json:"why,omitempty"`
}

// What says what an entry announces or states.
type What string

// The entries. Configuring and Converging stand before the act, Ready, NotReady and Ended after it.
const (
	Configuring What = "configuring"
	Converging  What = "converging"
	Ready       What = "ready"
	NotReady    What = "not-ready"
	Ended       What = "ended"
)

// A Clock gives the time and waits; Sleep returns early with the context's error.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// A Report is what a host runs after the order, read from the containers after the last act.
type Report struct {
	Services  []Outcome `json:"services"`
	Done      bool      `json:"done"`             // every service runs its planned image and is ready
	Failed    string    `json:"failed,omitempty"` // the service at which it stopped
	Why       string    `json:"why,omitempty"`
	Overtaken bool      `json:"overtaken,omitempty"`
}

// An Outcome is one service of a report. Observed is empty when nothing runs or the replicas disagree (then Replicas
// tells). Unavailable is the time from the switch until it was ready, an upper bound for its own gap; 0 when nothing
// was switched.
type Outcome struct {
	Service     string              `json:"service"`
	Planned     string              `json:"planned"`
	Previous    string              `json:"previous"`
	Observed    string              `json:"observed"`
	Ready       bool                `json:"ready"`
	Switched    bool                `json:"switched"`
	Unavailable time.Duration       `json:"unavailable"`
	Replicas    []container.Replica `json:"replicas"`
}
