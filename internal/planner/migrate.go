package planner

import (
	"context"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// request is what a migration alone was asked for with, stored for a resume on another machine.
type request struct {
	NoBackup string `json:"no_backup,omitempty"`
	Again    string `json:"again,omitempty"`
	By       string `json:"by"`
	Dir      string `json:"dir,omitempty"` // of a command
}

// PlanMigration plans a migration alone: it asks everything, takes no lock and writes nothing. Closed gates are faults
// with the outcome Refused.
func (p *Planner) PlanMigration(ctx context.Context, m step.Migration) (engine.Plan, error) {
	if err := p.migratable(m); err != nil {
		return engine.Plan{}, err
	}
	m, err := p.parse(m)
	if err != nil {
		return engine.Plan{}, err
	}
	return p.plan(ctx, p.migrateDraft(&m))
}

func (p *Planner) migrateDraft(m *step.Migration) draft {
	asked := request{m.NoBackup, m.Again, m.By, m.Dir}
	d := draft{steps: p.migration(m), stored: map[string]any{step.StoredRequest: asked},
		terms: func(proofs engine.Proofs) (engine.Terms, error) { return p.migrateTerms(m, proofs) }}
	d.store(m)
	return d
}

// migratable tells whether the configuration has what a migration needs.
func (p *Planner) migratable(m step.Migration) error {
	switch {
	case p.with.Database == nil:
		return step.NotConfigured("the configuration has no database")
	case p.with.Backup.Store == nil && m.NoBackup == "":
		return step.NotConfigured("the configuration has no backup store")
	case m.Commanded():
		return p.runnable()
	}
	return nil
}

// migrationOf is the migration of a release; nil when it has none.
func migrationOf(f source.Found) *step.Migration {
	switch m := f.Release.Migration; {
	case m == nil:
		return nil
	case m.Commanded():
		return &step.Migration{File: m.Line(), Command: *m, Dir: f.Dir}
	default:
		return &step.Migration{File: m.File, SQL: f.SQL}
	}
}

// toolHistory reads what the tool that made the migration has written down; no step where nothing shows a tool.
func (p *Planner) toolHistory(m *step.Migration) engine.Step {
	if m == nil {
		return nil
	}
	read := p.with.Applied.ToolHistory(*m)
	if read == nil {
		return nil
	}
	return step.ToolHistory{Read: read}
}

// review is the gate before a migration.
func (p *Planner) review(m *step.Migration) engine.Step {
	if m == nil {
		return nil
	}
	r := p.with.Review
	if m.Commanded() {
		return step.CommandReview{Migration: m.Command, Check: filesUnchanged(*m), Waivers: r.Waivers, Now: r.Now}
	}
	r.Name, r.SQL, r.Script, r.InPlace = m.File, m.SQL, understood(m), p.inPlace(m)
	return r
}

// understood is a migration's script with its parse trees; nil where there are none.
func understood(m *step.Migration) *sqltext.Script {
	if m.Script.Node(0) == nil {
		return nil
	}
	return &m.Script
}

// backup protects a migration, or says who decided to go without.
func (p *Planner) backup(m *step.Migration) engine.Step {
	switch {
	case m == nil:
		return nil
	case m.NoBackup != "":
		return step.NoBackup{Reason: m.NoBackup, By: m.By}
	}
	return p.with.Backup
}

// rehearse tries a migration between backup and migrate, where that is wanted and there is something to try it with.
func (p *Planner) rehearse(m *step.Migration) engine.Step {
	if m == nil || m.NoBackup != "" || m.Commanded() || !p.rehearses() {
		return nil
	}
	r := p.rehearsal(m)
	r.InPlace = p.inPlace(m)
	return r
}

// migrate applies a migration, once.
func (p *Planner) migrate(m *step.Migration) engine.Step {
	switch {
	case m == nil:
		return nil
	case m.Commanded():
		c := p.with.Command
		c.Migration, c.Dir, c.Check = m.Command, m.Dir, filesUnchanged(*m)
		c.Again, c.WithoutBackup = m.Again != "", m.NoBackup != ""
		return c
	}
	s := p.with.Migrate
	s.Script, s.Again, s.WithoutBackup = m.Script, m.Again != "", m.NoBackup != ""
	s.History, s.Earlier = p.with.Applied.ToolHistory(*m), p.with.Applied.Earlier(m.SHA256())
	return s
}

// inPlace counts the units that are applied; nil when it does not matter.
func (p *Planner) inPlace(m *step.Migration) func(context.Context) (int, error) {
	if m.Again != "" {
		return nil
	}
	return func(ctx context.Context) (int, error) { return p.with.Applied.InPlace(ctx, *m) }
}

// runnable refuses what a command cannot do yet.
func (p *Planner) runnable() error {
	f := &fault.Fault{Outcome: fault.Refused, Means: "production is unchanged; nothing was attempted: ",
		Do: []fault.Command{{Line: "fairlead migrate plan FILE",
			Why: "with SQL, which the tool can write: docs/migrations.md"}}}
	switch {
	case p.with.Parser.Markerless:
		f.Code = "command-marker"
		f.What = "a migration that is a command needs a marker in the database, and database.marker is none"
		f.Means += "nothing could tell afterwards whether the command was started"
	case p.with.Indirect != "":
		f.Code = "command-via"
		f.What = "a migration that is a command is not supported yet with database.via: " + p.with.Indirect
		f.Means += "the command would need a way of its own to the database"
	default:
		return nil
	}
	return f
}
