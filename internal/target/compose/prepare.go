package compose

import (
	"context"

	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/release"
	"fairlead/internal/target"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

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
