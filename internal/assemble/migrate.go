package assemble

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// A Migration is what is applied alone, without a release around it.
type Migration struct {
	File     string // as the record names it
	SQL      []byte
	Command  release.Migration // instead of SQL
	Dir      string            // in which the command runs
	NoBackup string            // why no backup is taken; "" takes one
	Again    string            // why it is applied although it was; "" applies it once
	By       string            // who decided so
	Whole    bool              // sent whole where the parser does not know it, as apply_mode: single says for every file
}

// request is what a migration was asked for with, kept for a resume on another machine.
type request struct {
	NoBackup string `json:"no_backup,omitempty"`
	Again    string `json:"again,omitempty"`
	By       string `json:"by"`
	Dir      string `json:"dir,omitempty"` // of a command
}

// blobRequest holds it.
const blobRequest = "request"

// planningAlone is what a migration alone asks before it is approved, and again under the lock. It changes nothing anywhere.
func (p *Project) planningAlone(m Migration) []engine.Step {
	check := step.Check{Database: p.checking(m), Backups: p.backups, Ledger: p.ledgerID, Room: p.room, Fits: p.dumpFits}
	if m.NoBackup != "" {
		check.Backups, check.Database = nil, undumped{p.checking(m)}
	}
	return append([]engine.Step{check}, p.reviewing(m)...)
}

// migrationOf is the migration of a release that has one.
func migrationOf(f source.Found) Migration {
	if f.Release.Migration.Commanded() {
		return Migration{File: f.Release.Migration.Line(), Command: *f.Release.Migration, Dir: f.Dir}
	}
	return Migration{File: f.Release.Migration.File, SQL: f.SQL}
}

// reviewing is what is asked about a migration itself.
func (p *Project) reviewing(m Migration) []engine.Step {
	if m.Command.Commanded() {
		return []engine.Step{p.commandReview(m)}
	}
	// Problems of the script are findings of the review.
	script, _ := p.texts.Parse(m.SQL)
	return append(p.asking(m.File, m.SQL), // what the tool that made it has written down
		step.Review{Name: m.File, SQL: m.SQL, Script: &script, Catalog: p.catalog, Policy: p.policy(), Waivers: p.waivers, Now: p.options.Now, InPlace: p.inPlaceAlone(m)})
}

// actingAlone is a migration without a release, in order.
func (p *Project) actingAlone(m Migration, script sqltext.Script) []engine.Step {
	steps := p.migrating(m, script)
	if m.NoBackup == "" {
		steps = append(steps, p.loudly()...)
	}
	return append(steps, step.Record{Alone: true, Now: p.options.Now})
}

// migrating is how a migration is applied: protected, tried if that is wanted, and then once.
func (p *Project) migrating(m Migration, script sqltext.Script) []engine.Step {
	steps := []engine.Step{p.backup()} // a dump, hashed, read back, compared
	switch {
	case m.NoBackup != "":
		steps = []engine.Step{step.NoBackup{Reason: m.NoBackup, By: m.By}} // and nothing to rehearse with
	case !m.Command.Commanded():
		steps = append(steps, p.rehearse(m.File, m.SQL, script, p.inPlaceAlone(m))...) // the backup restored, the migration tried there
	}
	if m.Command.Commanded() {
		steps = append(steps, p.commandStep(m))
		return p.protected(m, steps)
	}
	return p.protected(m, append(steps, step.Migrate{Server: p.database, Recovery: p.database, Witness: p.database, Script: script, Clock: systemClock{},
		Again: m.Again != "", Bare: m.NoBackup != "", History: p.toolReader(m.File, m.SQL), Earlier: p.earlier(shaOf(m.SQL))}))
}

// protected stops what writes for the time of these steps, unless no backup is taken.
func (p *Project) protected(m Migration, steps []engine.Step) []engine.Step {
	if m.NoBackup != "" {
		return steps
	}
	return p.quietly(steps)
}

// inPlaceAlone counts the units that are applied; nil when it does not matter.
func (p *Project) inPlaceAlone(m Migration) func(context.Context) (int, error) {
	if m.Again != "" {
		return nil
	}
	return func(ctx context.Context) (int, error) { return p.placed(ctx, m.File, m.SQL) }
}

// PlanMigration plans a migration alone: it asks everything, takes no lock and writes nothing. Closed gates are faults with the outcome
// Refused.
func (p *Project) PlanMigration(ctx context.Context, m Migration) (engine.Plan, error) {
	if err := p.migratable(m); err != nil {
		return engine.Plan{}, err
	}
	script, err := p.script(m)
	if err != nil {
		return engine.Plan{}, err
	}
	if m.NoBackup == "" && !m.Command.Commanded() {
		if err := p.rehearsable(m.File, script); err != nil {
			return engine.Plan{}, err
		}
	}
	return p.plan(ctx, p.migration(m, script))
}

func (p *Project) migration(m Migration, script sqltext.Script) draft {
	d := draft{planning: func() []engine.Step { return p.planningAlone(m) }, acting: p.actingAlone(m, script),
		terms: func(proofs engine.Proofs) (engine.Terms, error) { return p.termsAlone(m, script, proofs) },
		kept:  map[string]any{blobRequest: request{m.NoBackup, m.Again, m.By, m.Dir}}}
	if !m.Command.Commanded() {
		d.kept[blobUnits], d.kept[blobSQL] = script, m.SQL
	}
	return d
}

// migratable tells whether the configuration has what a migration needs.
func (p *Project) migratable(m Migration) error {
	why := ""
	switch {
	case p.database == nil:
		why = "the configuration has no database"
	case p.backups == nil && m.NoBackup == "":
		why = "the configuration has no backup store"
	case m.Command.Commanded():
		return p.runnable()
	default:
		return nil
	}
	return &fault.Fault{Code: "database-not-configured", What: "a migration cannot be applied with this configuration", Err: errors.New(why),
		Means: "production is unchanged; nothing was attempted", Outcome: fault.Refused,
		Do: []fault.Command{{Line: "fairlead migrate plan FILE", Why: "after fairlead.yaml names database and backup; docs/migrations.md has the shortest one"}}}
}

// termsAlone puts together what gets approved.
func (p *Project) termsAlone(m Migration, script sqltext.Script, proofs engine.Proofs) (engine.Terms, error) {
	checked, err := engine.Recall[step.Checked](proofs)
	if err != nil {
		return engine.Terms{}, err
	}
	reviewed, err := engine.Recall[step.Reviewed](proofs)
	if err != nil {
		return engine.Terms{}, err
	}
	settings, err := p.settingsAlone(m)
	if err != nil {
		return engine.Terms{}, err
	}
	ask := engine.Ask
	t := engine.Terms{
		Schema: engine.TermsSchema, Action: engine.Migrate, App: p.Config.App, Environment: p.Config.Environment, Tag: tagOf(m.File),
		Images: []release.Image{}, Baseline: []release.Image{}, Migration: &release.Migration{File: m.File, SHA256: script.SHA256},
		Review: reviewed.Sum, Target: server(checked.Database), Settings: settings, Steps: names(p.actingAlone(m, script)),
		OnFailure: engine.OnFailure{Unmigrated: ask, Migrated: ask}, Approval: p.approval(),
	}
	if m.Command.Commanded() {
		t.Tag, t.Migration = commandTag(m.Command), &m.Command
		return t, nil
	}
	t.Units, err = release.Canonical(script.Units)
	return t, err
}

// script is the SQL, read; a command has none.
func (p *Project) script(m Migration) (sqltext.Script, error) {
	if m.Command.Commanded() {
		return sqltext.Script{}, nil
	}
	return p.parsed(m.File, m.SQL, m.Whole)
}

// commandTag is what a command is called in a list of runs.
func commandTag(m release.Migration) string { return filepath.Base(m.Command[0]) }

// settingsAlone is the fingerprint of what decides what the steps of a migration do.
func (p *Project) settingsAlone(m Migration) (string, error) {
	return release.Canonical(struct {
		Bare, Again bool
		Rehearse    *rehearseTerms `json:",omitempty"`
		Command     *commandTerms  `json:",omitempty"`
	}{m.NoBackup != "", m.Again != "", rehearseTermsOf(p.Config.Rehearse), p.commandTerms(&m.Command)})
}

// server names a database so that another one is another plan.
func server(f *database.Facts) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("database %s of server %s, timeline %d", f.Database, f.System, f.Timeline)
}

// tagOf is what a migration is called in a list of runs: its file, with its folder where the file's name alone says nothing.
func tagOf(file string) string {
	file = filepath.ToSlash(file)
	base, folder := filepath.Base(file), filepath.Base(filepath.Dir(file))
	switch base {
	case "migration.sql", "up.sql", "down.sql":
		if folder != "." && folder != "/" {
			return folder + "/" + base
		}
	}
	return base
}

// replanAlone makes the plan of an open run of a migration again.
func (p *Project) replanAlone(ctx context.Context, o engine.Opening) (engine.Plan, error) {
	var q request
	var script sqltext.Script
	if err := p.blob(ctx, o, blobRequest, &q); err != nil {
		return engine.Plan{}, err
	}
	if o.Terms.Migration == nil {
		return engine.Plan{}, errors.New("the run is of a migration and names none")
	}
	m := Migration{File: o.Terms.Migration.File, NoBackup: q.NoBackup, Again: q.Again, By: q.By, Dir: q.Dir}
	if o.Terms.Migration.Commanded() {
		m.Command = *o.Terms.Migration
	} else if err := p.blob(ctx, o, blobUnits, &script); err != nil {
		return engine.Plan{}, err
	}
	if err := p.migratable(m); err != nil {
		return engine.Plan{}, err
	}
	var err error
	if !m.Command.Commanded() {
		if m.SQL, err = p.storedSQL(ctx, o); err != nil {
			return engine.Plan{}, err
		}
		if err := script.Attach(m.SQL); err != nil {
			return engine.Plan{}, err
		}
	}
	terms := o.Terms
	if terms.Settings, err = p.settingsAlone(m); err != nil {
		return engine.Plan{}, err
	}
	return p.replan(p.migration(m, script), terms, o.Proofs), nil
}

// undumped is a database that is migrated without a backup: that its dump program is missing or too old says nothing then.
type undumped struct{ database.Planner }

// Preflight asks what a plan asks.
func (u undumped) Preflight(ctx context.Context) (database.Facts, error) {
	f, err := u.Planner.Preflight(ctx)
	if errors.Is(err, database.ErrVersion) {
		err = nil
	}
	return f, err
}
