package cli

import (
	"context"
	"io"
	"path/filepath"

	"fairlead/internal/assemble"
	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/step"
	"fairlead/internal/target"
)

// A Project is one app in one environment as the commands need it; *assemble.Project is one.
type Project interface {
	planner
	migrator
	returner
	keeper
	archivist
	keeperOfBackups
	reporter
}

// planner plans and says when there is nothing to do.
type planner interface {
	Check(ctx context.Context) (step.Checked, error)
	ByHand() target.Runbook
	PlanDeploy(ctx context.Context, f source.Found) (engine.Plan, error)
	Idle(ctx context.Context, plan engine.Plan) (bool, error)
	LookOnce(ctx context.Context) (ok bool, check, saw string)
	Replan(ctx context.Context, o engine.Opening) (engine.Plan, error)
}

// migrator plans a migration alone, tells what is applied, and rehearses.
type migrator interface {
	PlanMigration(ctx context.Context, m assemble.Migration) (engine.Plan, error)
	Standing(ctx context.Context, m assemble.Migration) (assemble.Standing, error)
	Pasts(ctx context.Context) ([]assemble.Past, error)
	RehearseAlone(ctx context.Context, r assemble.Rehearsal, say func(engine.Progress)) (step.Rehearsed, error)
	SweepRehearsals(ctx context.Context) ([]string, error)
}

// returner plans the way back.
type returner interface {
	PlanRollback(ctx context.Context, tag string, images []release.Image) (engine.Plan, error)
	TagOf(ctx context.Context, images []release.Image) (string, error)
	ImagesOf(ctx context.Context, tag string) ([]release.Image, error)
	Opening(ctx context.Context, run engine.RunID) (engine.Opening, error)
}

// keeper is what was written down, and the engine that writes.
type keeper interface {
	Ledger() engine.Ledger
	History() engine.History
	Engine() *engine.Engine
	NewRun() engine.RunID
}

// archivist takes backups outside of a run, and restores them.
type archivist interface {
	TakeBackup(ctx context.Context, say func(engine.Progress)) (step.BackedUp, error)
	RestoreBackup(ctx context.Context, r assemble.Restoration, say func(engine.Progress)) (assemble.Restored, error)
	Globals(ctx context.Context, name string, w io.Writer) error
	LiveDatabase(ctx context.Context) (string, error)
	Awaken(ctx context.Context, always bool) error
	Gap(ctx context.Context, m backup.Manifest) (*database.Gap, error)
}

// keeperOfBackups lists, verifies and removes backups.
type keeperOfBackups interface {
	KeptBackups(ctx context.Context) (assemble.Shelf, error)
	VerifyBackup(ctx context.Context, name, level string, say func(engine.Progress)) (assemble.VerifiedBackup, error)
	PruneBackups(ctx context.Context, dry bool) (assemble.Pruned, error)
}

// reporter looks, tells people, and ends.
type reporter interface {
	Look(ctx context.Context) (target.Observation, error)
	Announce(ctx context.Context, e engine.Ending) error
	Resend(ctx context.Context) error
	Close() error
}

var _ Project = (*assemble.Project)(nil)

func openProject(c config.Config, o assemble.Options) (Project, error) {
	p, err := assemble.New(c, o)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// load reads the configuration.
func (a *app) load() (config.Config, error) { return config.Load(a.configPath, a.Env) }

// open makes the project of a configuration. before is asked before each act; nil never stops.
func (a *app) open(c config.Config, observe engine.Observer, before func(context.Context, engine.Spec) error) (Project, error) {
	return a.Open(c, assemble.Options{Observe: observe, Holder: a.holder(), Now: a.Now, Env: a.Env, State: a.state(), Before: before, Decided: a.decided, Waivers: a.waivers("")})
}

// enter opens a project behind a screen; leave closes both.
func (a *app) enter(c config.Config) (p Project, s screen, leave func(), err error) {
	s = a.screen()
	if p, err = a.open(c, s.observe, nil); err != nil {
		s.close()
		return nil, s, nil, err
	}
	return p, s, func() { _ = p.Close(); s.close() }, nil
}

// quiet opens a project for a command that only reads.
func (a *app) quiet() (config.Config, Project, error) {
	c, err := a.load()
	if err != nil {
		return c, nil, err
	}
	p, err := a.open(c, func(engine.Event) {}, nil)
	return c, p, err
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
