// Package rollout is the machine that replaces the containers of one host, service by service. It is plain code over primitives
// (look, configure, converge) and does no I/O of its own, so that the agent on a host and the simulator drive the same code. It
// does not know what a release or a run is beyond its ticket. Start with Run.
package rollout

import (
	"context"
	"errors"
	"time"

	"fairlead/internal/fence"
)

// ErrNotReady is given when a service did not become ready within its limit, or never will.
var ErrNotReady = errors.New("it did not become ready")

// An Order is what one host is to do: the services in the order given, each to its image. It is idempotent by ID, which is made of
// run, step and attempt-independent names: starting the same order twice is attaching to it.
type Order struct {
	ID       string       `json:"id"` // "<run>/<step>"
	Ticket   fence.Ticket `json:"ticket"`
	Services []Service    `json:"services"`
}

// A Service is one service of an order.
type Service struct {
	Name     string        `json:"name"`
	ImageEnv string        `json:"image_env"` // the key in the env file that holds the image
	Image    string        `json:"image"`     // "repository@sha256:…"
	Timeout  time.Duration `json:"timeout"`   // how long it may take from the switch until it is ready
}

// A Replica is one container of a service, as inspected.
type Replica struct {
	ID       string    `json:"id"`
	Image    string    `json:"image"`    // the reference it was created with
	ImageID  string    `json:"image_id"` // the engine's id of the image
	Digests  []string  `json:"digests"`  // "repository@sha256:…" under which the engine knows that image
	State    string    `json:"state"`    // created, running, restarting, exited, dead, paused
	Health   string    `json:"health"`   // "", starting, healthy, unhealthy
	Restarts int       `json:"restarts"`
	Started  time.Time `json:"started"`
	ExitCode int       `json:"exit_code"`
}

// Ready tells whether the replica runs and its health check, where it has one, passes.
func (r Replica) Ready() bool {
	return r.State == "running" && (r.Health == "" || r.Health == "healthy")
}

// Runs tells whether the engine proves that the replica was made of exactly this image: a digest of its image id, not the string
// it was created with.
func (r Replica) Runs(image string) bool {
	for _, d := range r.Digests {
		if d == image {
			return true
		}
	}
	return false
}

// A Sight is one look at a service.
type Sight struct {
	Configured string    `json:"configured"` // the value of ImageEnv in the env file; "" when absent
	Replicas   []Replica `json:"replicas"`
}

// A Host is a machine with containers, as rollout needs it.
//
// Allow compares the ticket with the largest number that this host has seen and gives fence.ErrOvertaken; it is asked before each
// mutation. Look inspects. Configure sets the service's image key, atomically, every other byte kept; setting it to what it is
// changes nothing. Converge makes the engine run what is configured for that service alone and returns when the engine has
// started it; it is safe to repeat.
type Host interface {
	Allow(ctx context.Context, t fence.Ticket) error
	Look(ctx context.Context, s Service) (Sight, error)
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

// An Outcome is one service of a report. Observed is empty when nothing runs or the replicas disagree (then Replicas tells).
// Unavailable is the time from the switch until it was ready, an upper bound for its own gap; 0 when nothing was switched.
type Outcome struct {
	Service     string        `json:"service"`
	Planned     string        `json:"planned"`
	Previous    string        `json:"previous"`
	Observed    string        `json:"observed"`
	Ready       bool          `json:"ready"`
	Switched    bool          `json:"switched"`
	Unavailable time.Duration `json:"unavailable"`
	Replicas    []Replica     `json:"replicas"`
}
