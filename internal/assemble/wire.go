package assemble

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/config"
	"fairlead/internal/fault"
	ledger "fairlead/internal/ledger/host"
	"fairlead/internal/notify"
	"fairlead/internal/notify/outbox"
	"fairlead/internal/notify/post"
	"fairlead/internal/notify/slack"
	"fairlead/internal/notify/webhook"
	"fairlead/internal/probe"
	"fairlead/internal/registry"
	"fairlead/internal/sqlreview"
	"fairlead/internal/target/compose"
)

// New decodes the blocks of the configuration and introduces the adapters to each other, the target last: what it starts on this
// machine gets none of the variables that the others made secrets of. It opens no connection; its errors are about
// the configuration, with line and column. Close what it gives.
func New(c config.Config, o Options) (*Project, error) {
	p := &Project{Config: c, options: o, prober: probe.New(nil), registry: registry.New(registry.Options{PlainHTTP: c.Registry.PlainHTTP}),
		catalog: func(context.Context) (*sqlreview.Catalog, error) { return nil, nil }}
	for _, wire := range []func() error{p.wireReview, p.wireDatabase, p.wireBackup, p.wireQuiesce, p.wireNotes, p.wireTarget} {
		if err := wire(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// without leaves variables out of an environment.
func without(environ, names []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(names, name)
	})
}

func (p *Project) wireTarget() error {
	b := p.Config.Target
	if !b.Present() {
		return p.wireLedger()
	}
	switch b.Kind {
	case "compose":
		return p.wireCompose(b)
	case "swarm", "kubernetes", "embedded":
		return b.Errorf("kind", "target.kind: %s is not supported yet; compose is", b.Kind)
	}
	return b.Errorf("kind", "target.kind: %q is not known; compose is", b.Kind)
}

func (p *Project) wireCompose(b config.Block) error {
	var c compose.Config
	if err := b.Decode(&c); err != nil {
		return err
	}
	if key, err := c.Validate(); err != nil {
		return b.Errorf(key, "target: %v", err)
	}
	hosts, err := p.hosts(c)
	if err != nil {
		return b.Errorf("hosts", "target: %v", err)
	}
	for _, h := range hosts {
		p.closers = append(p.closers, h.Close)
	}
	if err := errors.Join(p.lead(c, hosts), p.shelve(c, hosts)); err != nil {
		return err
	}
	t, err := compose.New(c, p.Config.App, p.Config.Environment, hosts, p.options.Now)
	if err != nil {
		return b.Errorf("", "target: %v", err)
	}
	l := ledger.New(hosts[0], c.Place(p.Config.App, p.Config.Environment))
	p.target, p.ledger, p.history = t, l, l
	p.services = map[string]string{}
	for name, s := range c.Services {
		p.services[name] = s.ImageEnv
	}
	return nil
}

func (p *Project) wireNotes() error {
	all, err := openNotifiers(p.Config.Record.Notify, p.options)
	if err != nil {
		return err
	}
	p.notifiers = all
	escalation, err := openNotifiers(p.Config.Escalation.Notify, p.options)
	p.escalation = escalation
	return err
}

func openNotifiers(blocks []config.Block, o Options) ([]notify.Notifier, error) {
	sender := post.New(nil, o.Now)
	var all []notify.Notifier
	for _, b := range blocks {
		n, err := openNotifier(b, sender, o)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

func openNotifier(b config.Block, sender *post.Sender, o Options) (notify.Notifier, error) {
	switch b.Kind {
	case "slack":
		var c slack.Config
		if err := b.Decode(&c); err != nil {
			return nil, err
		}
		n, err := slack.New(c, sender)
		if err != nil {
			return nil, b.Errorf("url", "%v", err)
		}
		return n, nil
	case "webhook":
		var c webhook.Config
		if err := b.Decode(&c); err != nil {
			return nil, err
		}
		n, err := webhook.New(c, sender, o.Now)
		if err != nil {
			return nil, b.Errorf("url", "%v", err)
		}
		return n, nil
	}
	return nil, b.Errorf("kind", "notify.kind: %q is not known; slack and webhook are", b.Kind)
}

func (p *Project) outbox() *outbox.Outbox {
	return outbox.New(p.options.State+"/outbox", p.options.Now, Pause)
}

// troubles is what could not be delivered, for one line on the screen.
func troubles(all []outbox.Delivery) error {
	for _, d := range all {
		if !d.Sent {
			return &fault.Fault{Code: "note-waiting", What: fmt.Sprintf("a note was not delivered: %s", d), Means: "the outcome is not changed by this",
				Do: []fault.Command{{Line: "fairlead notes resend", Why: "sends what waits in the outbox"}}}
		}
	}
	return nil
}
