package assemble

import (
	"context"
	"errors"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// A Rehearsal is asked for by hand, outside of a run.
type Rehearsal struct {
	File   string // as messages name it
	SQL    []byte
	Backup string // its name; "" takes the newest one
	Mode   string // schema or full; "" takes that of the configuration, or full
}

// RehearseAlone rehearses a migration with a backup that is kept. Production is only read. Two at the same time end each other, for each
// first removes what others by hand have left.
func (p *Project) RehearseAlone(ctx context.Context, r Rehearsal, say func(engine.Progress)) (step.Rehearsed, error) {
	if err := p.backedUp(); err != nil {
		return step.Rehearsed{}, err
	}
	read, _ := p.texts.Parse(r.SQL)
	if err := p.staysInside(r.File, read); err != nil {
		return step.Rehearsed{}, err
	}
	script, err := p.parsed(r.File, r.SQL, false)
	if err != nil {
		return step.Rehearsed{}, err
	}
	m, err := p.manifestOf(ctx, r.Backup)
	if err != nil {
		return step.Rehearsed{}, err
	}
	j := database.Rehearsal{Owner: p.owner() + " by hand", Run: step.Manual, Number: 1, Say: func(text string) { say(engine.Progress{Text: text}) }}
	trial := p.rehearsal(r.File, r.SQL, script)
	trial.SchemaOnly = r.Mode == "schema" || r.Mode == "" && trial.SchemaOnly
	e, err := trial.Try(ctx, j, m)
	if err != nil {
		f := step.RehearsalFault(r.File, err, fault.Command{Line: "fairlead migrate rehearse FILE", Why: "tries again"})
		f.Means = "only a copy was touched, and it is gone; production is unchanged"
		if f.Outcome == 0 {
			f.Outcome = fault.FailedUnchanged
		}
		return e, f
	}
	return e, nil
}

// manifestOf reads the manifest of a backup, or of the newest one of this app in this environment.
func (p *Project) manifestOf(ctx context.Context, name string) (backup.Manifest, error) {
	if name != "" {
		m, err := step.ReadManifest(ctx, p.backups, name)
		if err != nil {
			return m, noBackup(name, err)
		}
		return m, nil
	}
	kept, err := p.KeptBackups(ctx)
	if err != nil {
		return backup.Manifest{}, err
	}
	for _, k := range kept.Backups {
		if !k.Reliable() {
			continue
		}
		m, err := step.ReadManifest(ctx, p.backups, k.Name)
		if err != nil {
			return m, noBackup(k.Name, err)
		}
		return m, nil
	}
	return backup.Manifest{}, &fault.Fault{Code: "backup-missing", What: "there is no backup to rehearse with", Outcome: fault.Misused,
		Err:   errors.New("the store " + p.backups.Location() + " has none of this app in this environment that is whole"),
		Means: "nothing was attempted; production is unchanged", Do: []fault.Command{{Line: "fairlead backup create", Why: "takes one"}}}
}
