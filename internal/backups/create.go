package backups

import (
	"context"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// TakeBackup takes a backup outside of a run: the same act with the same verdict. Nothing of production is changed by
// it.
func (b *Backups) TakeBackup(ctx context.Context, say func(engine.Progress)) (step.BackedUp, error) {
	if err := b.Configured(); err != nil {
		return step.BackedUp{}, err
	}
	facts, err := b.with.Database.Preflight(ctx)
	if err != nil {
		return step.BackedUp{}, notTaken(err)
	}
	m, err := b.with.Backup.Take(ctx, step.BackupRequest{App: b.with.App, Environment: b.with.Environment,
		Run:          step.Manual,
		DatabaseSize: facts.Size, Say: say})
	if err != nil {
		return step.BackedUp{}, notTaken(err)
	}
	return step.BackedUp{Manifest: m, Place: b.with.Store.Location()}, nil
}

func notTaken(err error) error {
	return &fault.Fault{Code: "backup-failed", What: "the backup was not taken", Err: err,
		Outcome: fault.FailedUnchanged,
		Means:   "nothing was kept under a final name; production is unchanged",
		Do: []fault.Command{{Line: "fairlead check", Why: "asks the database and its programs again"},
			{Line: "fairlead backup create", Why: "tries again"}}}
}

// LiveDatabase gives the name of the configured database, as its server says it.
func (b *Backups) LiveDatabase(ctx context.Context) (string, error) {
	if err := b.Configured(); err != nil {
		return "", err
	}
	id, err := b.with.Database.Identity(ctx)
	return id.Database, err
}

// Gap tells what a restore of a backup would lose now.
func (b *Backups) Gap(ctx context.Context, m backup.Manifest) (*database.Gap, error) {
	if err := b.Configured(); err != nil {
		return nil, err
	}
	g, err := b.with.Database.Since(ctx, step.MarkOf(m))
	if err != nil {
		return nil, err
	}
	return &g, nil
}
