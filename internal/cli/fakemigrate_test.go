package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"fairlead/internal/applied"
	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/planner"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// The pretended database keeps its markers in world/markers.json: the migrations that are applied, by their SHA-256.

func markersNow() map[string]string {
	all := map[string]string{}
	if b, err := os.ReadFile(filepath.Join("world", "markers.json")); err == nil {
		_ = json.Unmarshal(b, &all)
	}
	return all
}

func (p pretend) Rehearse(context.Context, planner.Rehearsal, func(engine.Progress)) (step.Rehearsed, error) {
	return step.Rehearsed{Mode: "full", Backup: "shop.dump", Level: step.L3,
		Units: []step.RehearsedUnit{{Line: 1, Milliseconds: 1200, Rewrites: []string{"orders"},
			Locks: []string{"orders ACCESS EXCLUSIVE"}}},
		Copy: database.Rehearsed{Where: "a pretended server", Counted: true, Tables: 2, Rows: 10, Restored: 600,
			OldOnNew: &database.Tried{}}}, nil
}

func (p pretend) SweepRehearsals(context.Context) ([]string, error) { return nil, nil }

func (p pretend) MigrationStatus(_ context.Context, m step.Migration) (applied.Status, error) {
	script, err := sqltext.Parse(m.SQL)
	if err != nil {
		return applied.Status{}, err
	}
	s := applied.Status{SHA256: script.SHA256, Units: []applied.UnitStatus{}, State: apply.NotApplied}
	run := markersNow()[script.SHA256]
	if run != "" {
		s.State = apply.Applied
	}
	for _, u := range script.Units {
		s.Units = append(s.Units, applied.UnitStatus{Unit: u.Index + 1, Kind: string(u.Kind), State: string(s.State),
			Run: run})
	}
	return s, nil
}

func (p pretend) MigrationHistory(context.Context) ([]applied.Entry, error) {
	var all []applied.Entry
	for sha, run := range markersNow() {
		all = append(all, applied.Entry{Migration: sha, Run: run, Units: 1, State: apply.Applied})
	}
	return all, nil
}

func (p pretend) PlanMigration(ctx context.Context, m step.Migration) (engine.Plan, error) {
	script, err := sqltext.Parse(m.SQL)
	if err != nil {
		return engine.Plan{}, err
	}
	review := step.Review{Name: m.File, SQL: m.SQL, Catalog: func(context.Context) (*sqlreview.Catalog, error) {
		return &sqlreview.Catalog{Schema: sqlreview.CatalogSchema,
			Tables: []sqlreview.Table{{Schema: "public", Name: "orders", Kind: sqlreview.KindTable, Rows: 10,
				Columns: []sqlreview.Column{{Name: "id", Type: "bigint"}}}}}, nil
	}}
	proofs, err := engine.Survey(ctx, []engine.Step{review}, nil, p.options.Now, p.options.Observe)
	if err != nil {
		return engine.Plan{}, err
	}
	t := engine.Terms{Schema: engine.TermsSchema, Action: engine.Migrate, App: p.config.App,
		Environment: p.config.Environment, Tag: m.File,
		Migration: &release.Migration{File: m.File, SHA256: script.SHA256}, Target: "a pretended database",
		OnFailure: engine.OnFailure{Unmigrated: engine.Ask, Migrated: engine.Ask},
		Approval:  "none (" + p.config.Approval.Reason + ")"}
	plan := engine.Plan{Terms: t, Steps: p.stepsAlone(t, m.NoBackup), Proofs: proofs, Blobs: map[string][]byte{}}
	plan.Terms.Steps = namesOf(plan.Steps)
	plan.Blobs["units"], err = json.Marshal(script)
	return plan, err
}

// stepsAlone are the acts of a migration without a release.
func (p pretend) stepsAlone(t engine.Terms, noBackup string) []engine.Step {
	steps := p.steps(t)[:2]
	if noBackup != "" {
		steps[0] = step.NoBackup{Reason: noBackup, By: "ana"}
	}
	do := steps[1].(act).do
	steps[1] = act{step.Migrate{WithoutBackup: noBackup != ""}.Spec(), func(in engine.Input) engine.Evidence {
		all := markersNow()
		all[t.Migration.SHA256] = in.Ticket.Run
		b, _ := json.Marshal(all)
		if err := os.WriteFile(filepath.Join("world", "markers.json"), b, 0o600); err != nil {
			panic(errors.Join(errors.New("the pretended database is gone"), err))
		}
		return do(in)
	}}
	return append(steps, act{step.Record{Alone: true}.Spec(),
		func(engine.Input) engine.Evidence { return step.Recorded{} }})
}
