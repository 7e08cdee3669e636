package assemble

import (
	"context"
	"errors"
	"fmt"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// databaseConfig is the block database; the zero value where there is none.
func (p *Project) databaseConfig() postgres.Config {
	var c postgres.Config
	if p.Config.Database.Present() {
		_ = p.Config.Database.Decode(&c) // was decoded before, when the project was made
	}
	return c
}

// markerless tells whether nothing of fairlead is to stand in the database.
func (p *Project) markerless() bool { return p.databaseConfig().Marker == "none" }

// read parses a migration, or takes it whole where that is configured and the parser does not know it.
func (p *Project) read(sql []byte, whole bool) (sqltext.Script, error) {
	if !whole && p.databaseConfig().ApplyMode != "single" {
		return p.texts.Parse(sql)
	}
	script, _, err := p.texts.ParseOrWhole(sql)
	return script, err
}

// outsideTransactions refuses what cannot be applied exactly once without markers.
func outsideTransactions(script sqltext.Script) error {
	for _, u := range script.Units {
		if u.Kind == sqltext.Alone {
			return fmt.Errorf("line %d: %s can be in no transaction, and with database.marker: none nothing could tell after a crash whether it was applied",
				u.Statements[0].Line, u.Statements[0].Kind)
		}
	}
	return nil
}

// earlier gives what earlier runs of a migration have noted, the oldest first; nil where markers tell.
func (p *Project) earlier(migration string) func(context.Context, engine.RunID) ([]apply.Fact, error) {
	if !p.markerless() {
		return nil
	}
	return func(ctx context.Context, but engine.RunID) ([]apply.Fact, error) { return p.noted(ctx, migration, but) }
}

func (p *Project) noted(ctx context.Context, migration string, but engine.RunID) ([]apply.Fact, error) {
	runs, err := p.history.Runs(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("read what earlier runs applied: %w", err)
	}
	var all []apply.Fact
	for i := len(runs) - 1; i >= 0; i-- {
		s := runs[i]
		if s.Run == but || s.Action == engine.Rollback || s.Outcome == fault.Deployed && !s.Migrated {
			continue
		}
		records, err := p.ledger.Records(ctx, s.Run)
		if err != nil {
			return nil, fmt.Errorf("read what run %s applied: %w", s.Run, err)
		}
		o, err := engine.OpeningOf(records)
		if err != nil || o.Terms.Migration == nil || o.Terms.Migration.SHA256 != migration {
			continue // opened by hand, or of another migration
		}
		all = append(all, step.AppliedFacts(records)...)
	}
	return all, nil
}

// markers gives the markers of a migration; where there are none, the units whose COMMIT was answered, to any run, by this very database.
// Elsewhere is then a run that applied it to another one of this name, which a restore or a failover has left behind.
func (p *Project) markers(ctx context.Context, migration string) (all []apply.Marker, elsewhere string, err error) {
	all, err = p.database.Markers(ctx, apply.Key{App: p.Config.App, Environment: p.Config.Environment, Migration: migration})
	if !errors.Is(err, apply.ErrNoMarkers) {
		return all, "", err
	}
	facts, err := p.noted(ctx, migration, "")
	if err != nil || len(facts) == 0 {
		return nil, "", err
	}
	id, err := p.database.Identity(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, f := range facts {
		switch {
		case f.What != apply.Settled:
		case !f.Attempt.Identity.Same(id):
			elsewhere = f.Run
		default:
			all = append(all, apply.Marker{Unit: f.Attempt.Unit, SHA256: f.Attempt.SHA256, Run: f.Run, Done: true, At: f.At})
		}
	}
	return all, elsewhere, nil
}
