package assemble

import (
	"context"

	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// databaseOf is the database that a release needs; nil for one without migration, so that a database that is down does not stop a
// release that does not touch it.
func (p *Project) databaseOf(f source.Found) database.Planner {
	if f.Release.Migration == nil || p.database == nil {
		return nil
	}
	return p.checking(migrationOf(f))
}

// checker is a database that can be asked for the rights that a script needs.
type checker interface {
	Checking(s sqltext.Script, inPlace func(context.Context) (int, error)) database.Planner
}

// checking is the database as it is asked for a migration. What cannot be parsed is refused elsewhere, in better words.
func (p *Project) checking(m Migration) database.Planner {
	c, can := p.database.(checker)
	script, whole, err := p.texts.ParseOrWhole(m.SQL)
	if !can || err != nil || whole || m.Command.Commanded() {
		return p.database
	}
	return c.Checking(script, p.inPlaceAlone(m))
}

// backupShelf is what is asked of the place of backups before anything happens.
type backupShelf interface {
	Ready(ctx context.Context) error
	Location() string
}

// shelfOf is where the backup of a release will be kept; nil for one without migration.
func (p *Project) shelfOf(f source.Found) backupShelf {
	if f.Release.Migration == nil || p.backups == nil {
		return nil
	}
	return p.backups
}

// room tells what the next backup is expected to take, and what is free for it.
func (p *Project) room(ctx context.Context, size int64) (need, free int64) {
	if p.backups == nil {
		return 0, -1
	}
	return p.backup().Room(ctx, step.Order{App: p.Config.App, Environment: p.Config.Environment, Run: step.Manual, DatabaseSize: size})
}

// dumpFits tells whether the scratch that the next backup needs is there.
func (p *Project) dumpFits(ctx context.Context, size int64) error {
	if p.backups == nil {
		return nil
	}
	return p.backup().Fits(ctx, step.Order{App: p.Config.App, Environment: p.Config.Environment, Run: step.Manual, DatabaseSize: size})
}

// Check asks hosts and database whether they are ready for a release. It changes nothing.
func (p *Project) Check(ctx context.Context) (step.Checked, error) {
	check := step.Check{Target: p.target, ByHand: p.ByHand(), Ledger: p.ledgerID}
	if p.database != nil {
		check.Database = p.database
	}
	if p.backups != nil {
		check.Backups, check.Room, check.Fits = p.backups, p.room, p.dumpFits
	}
	proofs, err := engine.Survey(ctx, []engine.Step{check}, nil, p.options.Now, p.options.Observe)
	if err != nil {
		return step.Checked{}, err
	}
	return engine.Recall[step.Checked](proofs)
}
