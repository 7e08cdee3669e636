package assemble

import (
	"context"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// backup is the act that takes a backup, in a run and outside of one.
func (p *Project) backup() step.Backup {
	return step.Backup{Database: p.database, Scratch: p.database, Store: p.backups, Level: p.Config.Backup.Verify, Now: p.options.Now, Workspace: p.workspace()}
}

// TakeBackup takes a backup outside of a run: the same act with the same verdict. Nothing of production is changed by it.
func (p *Project) TakeBackup(ctx context.Context, say func(engine.Progress)) (step.BackedUp, error) {
	if err := p.backedUp(); err != nil {
		return step.BackedUp{}, err
	}
	facts, err := p.database.Preflight(ctx)
	if err != nil {
		return step.BackedUp{}, notTaken(err)
	}
	o := step.Order{App: p.Config.App, Environment: p.Config.Environment, Run: step.Manual, DatabaseSize: facts.Size, Say: say}
	m, err := p.backup().Take(ctx, o)
	if err != nil {
		return step.BackedUp{}, notTaken(err)
	}
	return step.BackedUp{Manifest: m, Place: p.backups.Location()}, nil
}

// backedUp is the fault of a configuration that names no database, or no place for its backups.
func (p *Project) backedUp() error {
	what := "the configuration names no database"
	if p.database != nil {
		what = "the configuration names no place where backups are kept"
	}
	if p.database != nil && p.backups != nil {
		return nil
	}
	return &fault.Fault{Code: "backup-not-configured", What: what, Outcome: fault.Misused, Means: "nothing was attempted; production is unchanged",
		Do: []fault.Command{{Line: "fairlead check", Why: "once database and backup stand in fairlead.yaml"}}}
}

func notTaken(err error) error {
	return &fault.Fault{Code: "backup-failed", What: "the backup was not taken", Err: err, Outcome: fault.FailedUnchanged,
		Means: "nothing was kept under a final name; production is unchanged",
		Do:    []fault.Command{{Line: "fairlead check", Why: "asks the database and its programs again"}, {Line: "fairlead backup create", Why: "tries again"}}}
}

// LiveDatabase gives the name of the configured database, as its server says it.
func (p *Project) LiveDatabase(ctx context.Context) (string, error) {
	if err := p.backedUp(); err != nil {
		return "", err
	}
	id, err := p.database.Identity(ctx)
	return id.Database, err
}

// Gap tells what a restore of a backup would lose now.
func (p *Project) Gap(ctx context.Context, m backup.Manifest) (*database.Gap, error) {
	if err := p.backedUp(); err != nil {
		return nil, err
	}
	g, err := p.database.Since(ctx, step.MarkOf(m))
	if err != nil {
		return nil, err
	}
	return &g, nil
}
