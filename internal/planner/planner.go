// Package planner decides what a run does: it turns a release, a migration or an earlier state into a plan for the
// engine, and makes the plan of an open run again. It asks and writes nothing; adapters are given to it as Parts by
// package assemble. Start with deploy.go, which shows a whole deployment on one screen.
package planner

import (
	"context"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/migrator"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
	"fairlead/internal/target"
)

// A Target is a place that runs releases, in all its roles.
type Target interface {
	target.Looker
	target.Preparer
	target.Roller
}

// A Database answers what a plan asks. Checking gives the same database as it is asked for the rights that a script
// needs.
type Database interface {
	database.Planner
	Checking(s sqltext.Script, inPlace func(context.Context) (int, error)) database.Planner
}

// Applied tells what of a migration is in place, what its tool has written down, and what earlier runs have noted.
type Applied interface {
	InPlace(ctx context.Context, m step.Migration) (int, error)
	ToolHistory(m step.Migration) func(context.Context) (migrator.Reading, error)
	Earlier(migration string) func(context.Context, engine.RunID) ([]apply.Fact, error)
}

// Backups finds what a rehearsal by hand works with.
type Backups interface {
	Configured() error
	Manifest(ctx context.Context, name string) (backup.Manifest, error)
}

// A Sandbox is where rehearsals take place, apart from the step. Outside gives, in words, what in a script could reach
// beyond it; Sweep drops what rehearsals of an owner have left.
type Sandbox interface {
	Outside(s sqltext.Script) []string
	Sweep(ctx context.Context, owner string) ([]string, error)
}

// Parts is what a Planner plans with. Target, Database, Backup.Store, Sandbox and Writers are nil where nothing is
// configured.
type Parts struct {
	Config   config.Config
	Observe  engine.Observer
	Now      func() time.Time
	Ledger   engine.Ledger
	History  engine.History
	Target   Target
	Database Database
	Applied  Applied
	Backups  Backups
	Sandbox  Sandbox
	Parser   step.Parser
	Services map[string]string // to what the target calls the image of each
	Indirect string            // how the database is reached, where the way is not direct
	Scratch  string            // kind of server for rehearsals, as it is approved
	Writers  *step.Writers

	// The acts as they are configured. What is of one migration or one release is filled in.
	Verify   func(ctx context.Context, images []release.Image, commit string) ([]release.ConfirmedImage, error)
	Review   step.Review
	Backup   step.Backup
	Rehearse step.Rehearse
	Migrate  step.Migrate
	Command  step.Command
	Health   step.Health
	Smoke    step.Smoke
}

// A Planner plans for one app in one environment.
type Planner struct{ with Parts }

// New gives a planner that plans with these parts.
func New(with Parts) *Planner { return &Planner{with} }

// Opening reads how a run was opened.
func (p *Planner) Opening(ctx context.Context, run engine.RunID) (engine.Opening, error) {
	return step.OpeningOf(ctx, p.with.Ledger, run)
}

// ByHand gives what a person types in the place of the acts.
func (p *Planner) ByHand() target.Runbook {
	if p.with.Target == nil {
		return target.Runbook{}
	}
	return p.with.Target.ByHand()
}

// ResumeWriters resumes what writes to the database at the end of a run that did not come to that itself; always when a
// run is given up or rolled back by another process than the one that stopped them. Nothing happens where nothing is
// configured.
func (p *Planner) ResumeWriters(ctx context.Context, always bool) error {
	w := p.with.Writers
	if w == nil || !always && !w.Stopped() {
		return nil
	}
	return w.Resume(ctx)
}

// targeted is the fault of a command that needs a place where the app runs, where none is configured.
func (p *Planner) targeted() error {
	if p.with.Target != nil {
		return nil
	}
	return NeedsTarget()
}

// NeedsTarget is the fault of a command about what runs, where the configuration is for migrations alone.
func NeedsTarget() error {
	return &fault.Fault{Code: "target-missing", Outcome: fault.Misused,
		What:  "the configuration names no target, and this command is about what runs there",
		Means: "nothing was attempted; production is unchanged",
		Do: []fault.Command{{Line: "fairlead migrate status", Why: "what is applied to the database"},
			{Line: "fairlead init", Why: "writes the target of a compose file, for releases"}}}
}
