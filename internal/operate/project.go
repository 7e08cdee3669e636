package operate

import (
	"context"
	"io"

	"fairlead/internal/applied"
	"fairlead/internal/assemble"
	"fairlead/internal/backup"
	"fairlead/internal/backups"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/planner"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/step"
	"fairlead/internal/target"
)

// A Project is one app in one environment as the commands need it; *assemble.Project is one.
type Project interface {
	deployments
	migrations
	rollbacks
	records
	manualBackups
	keptBackups
	looks
	Close() error
}

// deployments are planned, and known to be needless when there is nothing to do.
type deployments interface {
	Check(ctx context.Context) (step.Checked, error)
	ByHand() target.Runbook
	PlanDeploy(ctx context.Context, f source.Found) (engine.Plan, error)
	Unchanged(ctx context.Context, plan engine.Plan) (bool, error)
	CheckHealth(ctx context.Context) (ok bool, check, saw string)
	Replan(ctx context.Context, o engine.Opening) (engine.Plan, error)
}

// migrations are planned alone, found to be applied, and rehearsed.
type migrations interface {
	PlanMigration(ctx context.Context, m step.Migration) (engine.Plan, error)
	MigrationStatus(ctx context.Context, m step.Migration) (applied.Status, error)
	MigrationHistory(ctx context.Context) ([]applied.Entry, error)
	Rehearse(ctx context.Context, r planner.Rehearsal, say func(engine.Progress)) (step.Rehearsed, error)
	SweepRehearsals(ctx context.Context) ([]string, error)
}

// rollbacks are planned to images that once ran.
type rollbacks interface {
	PlanRollback(ctx context.Context, tag string, images []release.Image) (engine.Plan, error)
	TagOf(ctx context.Context, images []release.Image) (string, error)
	ImagesOf(ctx context.Context, tag string) ([]release.Image, error)
	Opening(ctx context.Context, run engine.RunID) (engine.Opening, error)
}

// records are what was written down, and the engine that writes.
type records interface {
	Ledger() engine.Ledger
	History() engine.History
	Engine() *engine.Engine
	NewRun() engine.RunID
}

// manualBackups are taken outside of a run, and restored.
type manualBackups interface {
	TakeBackup(ctx context.Context, say func(engine.Progress)) (step.BackedUp, error)
	RestoreBackup(ctx context.Context, r backups.Restoration, say func(engine.Progress)) (backups.Restored, error)
	Globals(ctx context.Context, name string, w io.Writer) error
	LiveDatabase(ctx context.Context) (string, error)
	ResumeWriters(ctx context.Context, always bool) error
	Gap(ctx context.Context, m backup.Manifest) (*database.Gap, error)
}

// keptBackups are listed, verified and removed.
type keptBackups interface {
	KeptBackups(ctx context.Context) (backups.Listing, error)
	VerifyBackup(ctx context.Context, name, level string, say func(engine.Progress)) (backups.Verified, error)
	PruneBackups(ctx context.Context, dry bool) (backups.Pruned, error)
}

// looks are at what runs; people are told of what happened.
type looks interface {
	Look(ctx context.Context) (target.Observation, error)
	Announce(ctx context.Context, e engine.Ending) error
	Resend(ctx context.Context) error
}

var _ Project = (*assemble.Project)(nil)

// Open makes the project of a configuration.
func Open(c config.Config, o assemble.Options) (Project, error) {
	p, err := assemble.New(c, o)
	if err != nil {
		return nil, err
	}
	return p, nil
}
