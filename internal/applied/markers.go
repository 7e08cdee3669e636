package applied

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// marked counts the units of a migration that have their marker, from the first on.
func (a *Migrations) marked(ctx context.Context, migration string) (int, error) {
	if a.with.Database == nil {
		return 0, nil
	}
	markers, _, err := a.markers(ctx, migration)
	if err != nil {
		return 0, err
	}
	n := 0
	for slices.ContainsFunc(markers, func(m apply.Marker) bool { return m.Done && m.Unit == n }) {
		n++
	}
	return n, nil
}

// markers gives the markers of a migration; where there are none, the units whose COMMIT was answered, to any run, by
// this very database. Elsewhere is then a run that applied it to another one of this name, which a restore or a
// failover has left behind.
func (a *Migrations) markers(ctx context.Context, migration string) (all []apply.Marker, elsewhere string, err error) {
	key := apply.Key{App: a.with.App, Environment: a.with.Environment, Migration: migration}
	all, err = a.with.Database.Markers(ctx, key)
	if !errors.Is(err, apply.ErrNoMarkers) {
		return all, "", err
	}
	facts, err := a.noted(ctx, migration, "")
	if err != nil || len(facts) == 0 {
		return nil, "", err
	}
	id, err := a.with.Database.Identity(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, f := range facts {
		switch {
		case f.What != apply.Settled:
		case !f.Attempt.Identity.Same(id):
			elsewhere = f.Run
		default:
			all = append(all, apply.Marker{Unit: f.Attempt.Unit, SHA256: f.Attempt.SHA256, Run: f.Run, Done: true,
				At: f.At})
		}
	}
	return all, elsewhere, nil
}

// Earlier gives what earlier runs of a migration have noted, the oldest first; nil where markers tell.
func (a *Migrations) Earlier(migration string) func(context.Context, engine.RunID) ([]apply.Fact, error) {
	if !a.with.Parser.Markerless {
		return nil
	}
	return func(ctx context.Context, but engine.RunID) ([]apply.Fact, error) { return a.noted(ctx, migration, but) }
}

func (a *Migrations) noted(ctx context.Context, migration string, but engine.RunID) ([]apply.Fact, error) {
	runs, err := a.with.History.Runs(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("read what earlier runs applied: %w", err)
	}
	var all []apply.Fact
	for _, s := range slices.Backward(runs) {
		if s.Run == but || s.Action == engine.Rollback || s.Outcome == fault.Deployed && !s.Migrated {
			continue
		}
		records, err := a.with.Ledger.Records(ctx, s.Run)
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
