package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/operate"
	"fairlead/internal/view"
)

// A session is one project behind one screen, with what a command does on it.
type session struct {
	*operate.Operator
	screen screen
}

// acting runs a command behind the screen of its events. yes answers every question.
func (a *app) acting(yes bool, do func(*session) (view.Page, error)) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	return a.withScreen(c, a.screen(), yes, nil, do)
}

// reading runs a command that only reads; it shows no events.
func (a *app) reading(do func(*session) (view.Page, error)) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	return a.withScreen(c, noScreen(), false, nil, do)
}

// reader is a command without arguments that only reads.
func (a *app) reader(use, short string, do func(*session, context.Context) (view.Page, error)) *cobra.Command {
	return command(use, short, cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.reading(func(s *session) (view.Page, error) { return do(s, ctx) })
	})
}

// working runs one act that no run holds, with a screen that shows how far it is.
func (a *app) working(spec engine.Spec, do func(s *session, say func(engine.Progress)) (view.Page, error)) error {
	return a.acting(false, func(s *session) (view.Page, error) {
		s.screen.observe(engine.StepBegan{At: a.Now(), Spec: spec, Index: 1, Of: 1})
		return do(s, func(g engine.Progress) {
			s.screen.observe(engine.StepProgress{At: a.Now(), Step: spec.Name, Progress: g})
		})
	})
}

// withScreen opens the project of a configuration behind a screen, and shows the page of what is done on it. before is
// asked before each act; nil never stops.
func (a *app) withScreen(c config.Config, s screen, yes bool, before func(context.Context, engine.Spec) error,
	do func(*session) (view.Page, error)) error {
	defer s.close()
	p, err := a.Open(c, assemble.Options{Observe: s.observe, Holder: a.holder(), Now: a.Now, Env: a.Env,
		State: a.state(), Before: before, Decided: a.decided, Waivers: a.workplace().WaiverFile("")})
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	f := &frontend{app: a, screen: s, yes: yes}
	one := &session{screen: s, Operator: &operate.Operator{Project: p, Config: c, Frontend: f, Holder: a.holder(),
		Now: a.Now, Alive: a.Alive, Acting: f.acting, State: a.state()}}
	page, err := do(one)
	s.close()
	if page != nil {
		a.show(page)
	}
	if r, ok := page.(view.Result); ok && err == nil && r.Outcome != fault.Deployed {
		return ended{r.Outcome}
	}
	return err
}

// load reads the configuration.
func (a *app) load() (config.Config, error) { return config.Load(a.configPath, a.Env) }

// workplace is what commands without a project need.
func (a *app) workplace() operate.Workplace {
	return operate.Workplace{ConfigPath: a.configPath, Env: a.Env, Warn: func(text string) { a.say("%s", text) }}
}

// state is where the outbox and the mirror of ledgers are kept.
func (a *app) state() string {
	if dir, ok := a.Env("XDG_STATE_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "fairlead")
	}
	if home, ok := a.Env("HOME"); ok && filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "fairlead")
	}
	dir, err := filepath.Abs(".fairlead")
	if err != nil {
		return ".fairlead"
	}
	return dir
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return operate.Misused("%s needs one of its commands: see fairlead help %s", c.CommandPath(), c.Name())
		}}
	c.AddCommand(commands...)
	return c
}
