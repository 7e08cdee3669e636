package compose

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// ByHand gives the commands of docker and compose that do the same.
func (t *Target) ByHand() target.Runbook {
	return target.Runbook{
		Check:   []string{"ssh deploy@HOST docker version", "ssh deploy@HOST df -h"},
		Confirm: []string{"docker manifest inspect IMAGE@sha256:…"},
		Observe: []string{"docker compose ps", "docker image inspect --format '{{json .RepoDigests}}' IMAGE"},
		Pull:    []string{"docker compose pull"},
		Replace: []string{"$EDITOR .env   # API_IMAGE, WORKER_IMAGE, WEB_IMAGE to digests", "docker compose up -d"},
		Room:    "docker system df",
	}
}

// Prepare pulls the images on every host, proves them there, and keeps them and those that run now by local tags. What
// would stand against the rollout is refused here, before anything changes.
func (t *Target) Prepare(ctx context.Context, ticket fence.Ticket, images []release.Image,
	say func(string)) (target.Prepared, error) {
	keys, err := t.imageKeys(images)
	if err != nil {
		return target.Prepared{}, err
	}
	ask := stack.Prepare{Place: t.place, Ticket: ticket, Layout: t.config.layout(), Images: keys}
	var out target.Prepared
	for _, h := range t.hosts {
		hear := func(s wire.Saying) error {
			say(h.Name() + ": " + s.Text)
			return nil
		}
		p, err := host.Stream[wire.Prepared](ctx, h, wire.OpPrepare, ask, hear)
		if err != nil {
			return target.Prepared{}, translate(h, err)
		}
		out.Hosts = append(out.Hosts, target.PreparedHost{Name: h.Name(), Images: p.Images, Kept: p.Kept})
	}
	return out, nil
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
		Do:    []fault.Command{{Line: name + ": {image_env: …}", Why: "under target.services in fairlead.yaml"}}})
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
				f.Err = errors.New(strings.TrimPrefix(said, f.What+": "))
			}
			return fault.MarkUntouched(&f)
		}
	}
	return e
}
