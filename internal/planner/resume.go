package planner

import (
	"context"
	"errors"
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/step"
)

// Replan makes the plan of an open run again, from what is stored beside the ledger and the configuration alone: on any
// machine that has the configuration and access.
func (p *Planner) Replan(ctx context.Context, o engine.Opening) (engine.Plan, error) {
	if o.Terms.Action == engine.Migrate {
		return p.replanMigration(ctx, o)
	}
	if err := p.targeted(); err != nil {
		return engine.Plan{}, err
	}
	terms := o.Terms
	var err error
	if terms.Settings, err = p.settings(terms.Migration); err != nil {
		return engine.Plan{}, err
	}
	if terms.Action == engine.Rollback {
		return engine.Plan{Terms: terms, Steps: p.rollback().acting(), Proofs: o.Proofs}, nil
	}
	f, m, err := p.recall(ctx, o)
	if err != nil {
		return engine.Plan{}, err
	}
	return p.replan(p.deployDraft(f, m), terms, o.Proofs), nil
}

func (p *Planner) replanMigration(ctx context.Context, o engine.Opening) (engine.Plan, error) {
	var r request
	if err := step.Stored(ctx, p.with.Ledger, o, step.StoredRequest, &r); err != nil {
		return engine.Plan{}, err
	}
	if o.Terms.Migration == nil {
		return engine.Plan{}, errors.New("the run is of a migration and names none")
	}
	m := &step.Migration{File: o.Terms.Migration.File, NoBackup: r.NoBackup, Again: r.Again, By: r.By, Dir: r.Dir}
	if o.Terms.Migration.Commanded() {
		m.Command = *o.Terms.Migration
	}
	if err := p.migratable(*m); err != nil {
		return engine.Plan{}, err
	}
	if err := p.recallScript(ctx, o, m); err != nil {
		return engine.Plan{}, err
	}
	terms := o.Terms
	var err error
	if terms.Settings, err = p.migrateSettings(m); err != nil {
		return engine.Plan{}, err
	}
	return p.replan(p.migrateDraft(m), terms, o.Proofs), nil
}

// recall reads release, SQL and script back; each is what was stored, by its hash.
func (p *Planner) recall(ctx context.Context, o engine.Opening) (source.Found, *step.Migration, error) {
	var f source.Found
	if err := step.Stored(ctx, p.with.Ledger, o, step.StoredRelease, &f.Release); err != nil {
		return f, nil, err
	}
	var why origin
	if err := step.Stored(ctx, p.with.Ledger, o, step.StoredOrigin, &why); err != nil {
		return f, nil, err
	}
	f = why.found(f.Release)
	m := migrationOf(f)
	if m == nil {
		return f, nil, nil
	}
	if err := p.recallScript(ctx, o, m); err != nil {
		return f, m, err
	}
	if got := m.SHA256(); got != f.Release.Migration.SHA256 {
		return f, m, fmt.Errorf("the stored migration has the sha256 %s, the release says %s", got,
			f.Release.Migration.SHA256)
	}
	f.SQL = m.SQL
	return f, m, nil
}

// recallScript reads the SQL of a run and its units back, and holds them against what was approved. Where they parse as
// they did then, their parse trees are there too.
func (p *Planner) recallScript(ctx context.Context, o engine.Opening, m *step.Migration) (err error) {
	if m.Commanded() {
		return nil
	}
	if m.SQL, err = p.with.Ledger.Blob(ctx, o.Blobs[step.StoredSQL]); err != nil {
		return fmt.Errorf("read the stored SQL: %w", err)
	}
	if got := m.SHA256(); o.Terms.Migration == nil || got != o.Terms.Migration.SHA256 {
		return fmt.Errorf("the stored SQL has the sha256 %s, which is not what was approved", got)
	}
	if err := step.Stored(ctx, p.with.Ledger, o, step.StoredScript, &m.Script); err != nil {
		return err
	}
	if err := m.Script.Attach(m.SQL); err != nil {
		return err
	}
	now, err := p.with.Parser.Parse(*m)
	if err != nil {
		return nil
	}
	is, err := release.Canonical(now.Script.Units)
	if was, other := release.Canonical(m.Script.Units); err == nil && other == nil && is == was {
		m.Script = now.Script
	}
	return nil
}
