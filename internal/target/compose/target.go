package compose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/release"
	"fairlead/internal/target"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// A Target is a compose project on one host or several. The first host is the one that keeps files of runs.
type Target struct {
	config Config
	place  wire.Place
	hosts  []*host.Host
	now    func() time.Time
	sleep  func(ctx context.Context, d time.Duration) error
}

var (
	_ target.Looker   = (*Target)(nil)
	_ target.Preparer = (*Target)(nil)
	_ target.Roller   = (*Target)(nil)
)

// New makes a target of hosts that the Fleet of the Config has connected (the ledger shares the first of them). now
// gives this machine's time.
func New(c Config, app, environment string, hosts []*host.Host, now func() time.Time) (*Target, error) {
	if _, err := c.Validate(); err != nil {
		return nil, err
	}
	if len(hosts) != len(c.Hosts) {
		return nil, fmt.Errorf("the target has %d hosts, given were %d", len(c.Hosts), len(hosts))
	}
	place := c.Fleet().Place(app, environment)
	if err := place.Validate(); err != nil {
		return nil, err
	}
	return &Target{config: c, place: place, hosts: hosts, now: now, sleep: wait}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Raise puts the ticket's number on every host.
func (t *Target) Raise(ctx context.Context, ticket fence.Ticket) error {
	for _, h := range t.hosts {
		if _, err := host.Call[struct{}](ctx, h, wire.OpRaise, wire.Raise{Place: t.place, Ticket: ticket}); err != nil {
			return translate(h, err)
		}
	}
	return nil
}

// StoreFile stores a file of the run on the first host.
func (t *Target) StoreFile(ctx context.Context, ticket fence.Ticket, name string, content []byte) error {
	_, err := host.Call[struct{}](ctx, t.hosts[0], wire.OpStoreFile,
		wire.RunFile{Place: t.place, Ticket: ticket, Name: name, Content: content})
	return translate(t.hosts[0], err)
}

// imageKeys joins images and the keys that hold them, in the order of the configuration. An image of a service that the
// configuration does not know is refused.
func (t *Target) imageKeys(images []release.Image) ([]stack.Image, error) {
	var keys []stack.Image
	for _, n := range t.config.names() {
		for _, i := range images {
			if i.Service == n {
				keys = append(keys, stack.Image{Key: stack.Key{Service: n, ImageEnv: t.config.Services[n].ImageEnv},
					Image: i.Ref()})
			}
		}
	}
	if len(keys) == len(images) {
		return keys, nil
	}
	for _, i := range images {
		if _, ok := t.config.Services[i.Service]; !ok {
			return nil, unknownService(i.Service)
		}
	}
	return nil, fault.MarkUntouched(errors.New("a service stands twice among the images"))
}

func unknownService(name string) error {
	return fault.MarkUntouched(&fault.Fault{Code: "unknown-service", Outcome: fault.Refused,
		What:  fmt.Sprintf("the release has an image for %s, and target.services does not name it", name),
		Means: "no host was touched",
		Do: []fault.Command{{Line: fmt.Sprintf("%s: {image_env: …}", name),
			Why: "under target.services in fairlead.yaml"}}})
}

// translate gives an error of a host or its agent in the words of the contract.
func translate(h *host.Host, err error) error {
	var e *wire.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return fmt.Errorf("%s: %w", h.Name(), fromWire(e))
	case errors.Is(err, host.ErrUnreachable), errors.Is(err, host.ErrHostKey), errors.Is(err, host.ErrDenied):
		return fmt.Errorf("%w: %w", target.ErrUnreachable, err)
	}
	return err
}

func fromWire(e *wire.Error) error {
	switch e.Code {
	case wire.CodeOvertaken:
		by, err := wire.Decode[fence.Ticket](e.Body)
		if err == nil && by.Run != "" {
			return &fence.Overtaken{By: by}
		}
		return fmt.Errorf("%w: %s", fence.ErrOvertaken, e.Text)
	case wire.CodeOtherLedger:
		return fmt.Errorf("%w: %s", fence.ErrOtherLedger, e.Text)
	case wire.CodeRefused:
		f, err := wire.Decode[fault.Fault](e.Body)
		if err == nil && f.What != "" {
			if said := e.Text; said != f.What {
				f.Err = errors.New(trimPrefix(said, f.What+": "))
			}
			return fault.MarkUntouched(&f)
		}
	}
	return e
}

func trimPrefix(s, prefix string) string {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}
