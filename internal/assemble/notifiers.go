package assemble

import (
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/notify"
	"fairlead/internal/notify/post"
	"fairlead/internal/notify/slack"
	"fairlead/internal/notify/webhook"
)

// notifiers are the kinds of channels by which people are told. A new one is one line here.
func notifiers() map[string]channelKind {
	return map[string]channelKind{
		"slack": kindOf(func(c slack.Config, s *post.Sender, _ func() time.Time) (notify.Notifier, error) {
			return slack.New(c, s)
		}),
		"webhook": kindOf(func(c webhook.Config, s *post.Sender, now func() time.Time) (notify.Notifier, error) {
			return webhook.New(c, s, now)
		}),
	}
}

// A channelKind is one kind of channel.
type channelKind struct {
	// what its block is decoded into
	config any
	// decodes a block, and gives what constructs its notifier
	decode func(config.Block) (opener, error)
}

// An opener constructs a notifier.
type opener func(*post.Sender, func() time.Time) (notify.Notifier, error)

func kindOf[C any](open func(C, *post.Sender, func() time.Time) (notify.Notifier, error)) channelKind {
	return channelKind{*new(C), func(b config.Block) (opener, error) {
		c, err := decoded[C](b, "notify")
		return func(s *post.Sender, now func() time.Time) (notify.Notifier, error) { return open(*c, s, now) }, err
	}}
}

// Channels gives, for each kind of channel, the struct that its block is decoded into, to whoever publishes its keys.
func Channels() map[string]any {
	all := map[string]any{}
	for name, k := range notifiers() {
		all[name] = k.config
	}
	return all
}

// A channel is a block that was decoded, and what constructs its notifier.
type channel struct {
	at   config.Block
	open opener
}

func decodeChannels(all []config.Block) ([]channel, error) {
	known := notifiers()
	var out []channel
	for _, at := range all {
		k, ok := known[at.Kind]
		if !ok {
			names := slices.Sorted(maps.Keys(known))
			last := len(names) - 1
			return nil, at.Errorf("kind", "notify.kind: %q is not known; %s and %s are", at.Kind,
				strings.Join(names[:last], ", "), names[last])
		}
		open, err := k.decode(at)
		if err != nil {
			return nil, err
		}
		out = append(out, channel{at, open})
	}
	return out, nil
}

func openChannels(all []channel, s *post.Sender, now func() time.Time) ([]notify.Notifier, error) {
	var out []notify.Notifier
	for _, c := range all {
		n, err := c.open(s, now)
		if err != nil {
			return nil, c.at.Errorf("url", "%v", err)
		}
		out = append(out, n)
	}
	return out, nil
}
