package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fence"
)

// Limits of the machine.
const (
	// DefaultTimeout is how long a service may take from the switch until it is ready, unless its order says otherwise.
	DefaultTimeout = 60 * time.Second
	// Settle is how long a replica without a health check must have run, without a restart, before it counts as ready.
	Settle = time.Second
	// lookPause stands between two looks at a service that is not ready yet.
	lookPause = 200 * time.Millisecond
	// restartLimit ends the waiting for a service that crashes again and again.
	restartLimit = 3
)

// Run replaces the services of an order one by one and stops at the first that does not become ready. It is safe to
// call again with the same order after a crash at any point: a service that already runs its image is passed over.
//
// The Report is read from the containers after the last act, whatever happened. The error is nil when the machine came
// to an end, well or not (Report.Done tells); it matches fence.ErrOvertaken when a larger number was met, and is the
// journal's or the context's error when the work had to be left before its end.
func Run(ctx context.Context, h Host, j Journal, c Clock, o Order) (Report, error) {
	m := machine{Host: h, Journal: j, Clock: c, order: o, done: map[string]Outcome{}}
	failed, err := m.services(ctx)
	r := m.report(context.WithoutCancel(ctx))
	r.Failed = failed
	if err != nil {
		r.Why = err.Error()
	}
	r.Done = r.Done && failed == ""
	r.Overtaken = errors.Is(err, fence.ErrOvertaken)
	if errors.As(err, new(refused)) {
		err = nil
	}
	if noted := j.Note(context.WithoutCancel(ctx), Entry{At: c.Now(), What: Ended, Report: &r}); noted != nil &&
		err == nil {
		err = fmt.Errorf("write the end into the journal: %w", noted)
	}
	return r, err
}

// refused is an end that the machine came to by itself: the host said no, or the service did not become ready.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// notReady says why a service did not become ready; it matches ErrNotReady.
type notReady string

func (n notReady) Error() string { return string(n) }

func (n notReady) Is(err error) bool { return err == ErrNotReady }

// machine is one call of Run.
type machine struct {
	Host
	Journal
	Clock
	order Order
	done  map[string]Outcome
}

// services brings them to their images, in order. It gives the one at which it stopped.
func (m *machine) services(ctx context.Context) (string, error) {
	for _, s := range m.order.Services {
		if err := m.service(ctx, s); err != nil {
			return s.Name, err
		}
	}
	return "", nil
}

// service brings one service to its image.
func (m *machine) service(ctx context.Context, s Service) error {
	before, err := m.Look(ctx, s)
	if err != nil {
		return refused{fmt.Errorf("look at %s: %w", s.Name, err)}
	}
	out := Outcome{Service: s.Name, Planned: s.Image, Previous: container.ImageOf(before.Replicas)}
	m.done[s.Name] = out
	if settled(before, s) && m.steady(before, before) {
		return nil
	}
	if err := m.configure(ctx, s, before); err != nil {
		return err
	}
	start := m.Now()
	if !up(before, s.Image) {
		if err := m.converge(ctx, s); err != nil {
			return err
		}
		out.Switched = true
	}
	err = m.await(ctx, s, start)
	out.Unavailable = m.Now().Sub(start)
	m.done[s.Name] = out
	return err
}

func (m *machine) configure(ctx context.Context, s Service, before container.Service) error {
	if before.Configured == s.Image {
		return nil
	}
	if err := m.announce(ctx, Entry{What: Configuring, Service: s.Name, Before: before.Configured}); err != nil {
		return err
	}
	if err := m.Configure(ctx, s); err != nil {
		return refused{err}
	}
	return nil
}

func (m *machine) converge(ctx context.Context, s Service) error {
	if err := m.announce(ctx, Entry{What: Converging, Service: s.Name}); err != nil {
		return err
	}
	if err := m.Converge(ctx, s); err != nil {
		return refused{fmt.Errorf("start %s: %w", s.Name, err)}
	}
	return nil
}

// announce notes what is about to be done and asks whether it still may be.
func (m *machine) announce(ctx context.Context, e Entry) error {
	e.At = m.Now()
	if err := m.Note(ctx, e); err != nil {
		return fmt.Errorf("write into the journal: %w", err)
	}
	return m.Allow(ctx, m.order.Ticket)
}

// await looks until the service is ready, crashes for good, or its time is over.
func (m *machine) await(ctx context.Context, s Service, start time.Time) error {
	limit := s.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	var last container.Service
	for {
		now, err := m.Look(ctx, s)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			last = container.Service{}
		case settled(now, s) && m.steady(last, now):
			return m.Note(ctx, Entry{At: m.Now(), What: Ready, Service: s.Name})
		default:
			last = now
		}
		why := beyondRecovery(last.Replicas)
		if why == "" && m.Now().Sub(start) >= limit {
			why = "not ready within " + limit.String() + describe(last.Replicas, err)
		}
		if why != "" {
			_ = m.Note(context.WithoutCancel(ctx), Entry{At: m.Now(), What: NotReady, Service: s.Name, Why: why})
			return refused{notReady(why)}
		}
		if err := m.Sleep(ctx, lookPause); err != nil {
			return err
		}
	}
}

// settled tells whether every replica runs the image, ready, and the configuration names it.
func settled(now container.Service, s Service) bool {
	return now.Configured == s.Image && container.AllReady(now.Replicas, s.Image)
}

// steady tells whether replicas without a health check have run long enough without a restart between two looks.
func (m *machine) steady(before, now container.Service) bool {
	restarts := map[string]int{}
	for _, r := range before.Replicas {
		restarts[r.ID] = r.Restarts
	}
	for _, r := range now.Replicas {
		n, seen := restarts[r.ID]
		if r.Health == "" && (!seen || n != r.Restarts || m.Now().Sub(r.Started) < Settle) {
			return false
		}
	}
	return true
}

// up tells whether every replica was made of the image and its process runs or is being restarted.
func up(now container.Service, image string) bool {
	for _, r := range now.Replicas {
		if r.State != "running" && r.State != "restarting" {
			return false
		}
	}
	return container.AllRun(now.Replicas, image)
}

// beyondRecovery says why waiting longer is of no use, or "".
func beyondRecovery(replicas []container.Replica) string {
	for _, r := range replicas {
		if r.Restarts >= restartLimit {
			return fmt.Sprintf("its container was restarted %d times", r.Restarts)
		}
		if r.Health == "unhealthy" {
			return "its health check has given up (unhealthy)"
		}
		if r.State == "exited" || r.State == "dead" {
			return fmt.Sprintf("its container is %s (exit code %d)", r.State, r.ExitCode)
		}
	}
	return ""
}

func describe(replicas []container.Replica, err error) string {
	if err != nil {
		return ": " + err.Error()
	}
	if len(replicas) == 0 {
		return ": it has no container"
	}
	for _, r := range replicas {
		if !r.Ready() {
			return fmt.Sprintf(": its container is %s %s", r.State, r.Health)
		}
	}
	return ""
}

// report looks at every service once more. Services that were not reached are reported as they are.
func (m *machine) report(ctx context.Context) Report {
	r := Report{Done: true}
	for _, s := range m.order.Services {
		out, reached := m.done[s.Name]
		if !reached {
			out = Outcome{Service: s.Name, Planned: s.Image}
		}
		now, err := m.Look(ctx, s)
		if err == nil {
			out.Replicas, out.Observed = now.Replicas, container.ImageOf(now.Replicas)
			out.Ready = settled(now, s)
			if !reached {
				out.Previous = out.Observed
			}
		}
		r.Done = r.Done && out.Ready
		r.Services = append(r.Services, out)
	}
	return r
}
