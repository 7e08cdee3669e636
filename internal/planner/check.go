package planner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
	"fairlead/internal/target"
)

// Check asks hosts and database whether they are ready for a release. It changes nothing.
func (p *Planner) Check(ctx context.Context) (step.Checked, error) {
	check := step.Check{Target: p.with.Target, ByHand: p.ByHand(), Ledger: p.ledgerID}
	if p.with.Database != nil {
		check.Database = p.with.Database
	}
	p.checkBackups(&check)
	proofs, err := engine.Survey(ctx, []engine.Step{check}, nil, p.with.Now, p.with.Observe)
	if err != nil {
		return step.Checked{}, err
	}
	return engine.Recall[step.Checked](proofs)
}

// check asks what a plan needs: a database and backups only for a migration, so that a database that is down does not
// stop a release that does not touch it.
func (p *Planner) check(m *step.Migration, t target.Looker) engine.Step {
	check := step.Check{Target: t, ByHand: p.ByHand(), Ledger: p.ledgerID}
	switch {
	case m == nil:
	case m.NoBackup != "":
		check.Database = undumped{p.checking(m)}
	default:
		check.Database = p.checking(m)
		p.checkBackups(&check)
	}
	return check
}

// checkBackups adds the place of the backups, and what the next one is expected to take.
func (p *Planner) checkBackups(check *step.Check) {
	b := p.with.Backup
	if b.Store == nil {
		return
	}
	check.Backups = b.Store
	next := func(size int64) step.BackupRequest {
		c := p.with.Config
		return step.BackupRequest{App: c.App, Environment: c.Environment, Run: step.Manual, DatabaseSize: size}
	}
	check.Room = func(ctx context.Context, size int64) (need, free int64) { return b.Room(ctx, next(size)) }
	check.Fits = func(ctx context.Context, size int64) error { return b.Fits(ctx, next(size)) }
}

// checking is the database as it is asked for a migration. Of what was not parsed nothing is known that it needs.
func (p *Planner) checking(m *step.Migration) database.Planner {
	if m.Commanded() || len(m.Script.Statements) > 0 && understood(m) == nil {
		return p.with.Database
	}
	return p.with.Database.Checking(m.Script, p.inPlace(m))
}

// undumped is a database that is migrated without a backup: that its dump program is missing or too old says nothing
// then.
type undumped struct{ database.Planner }

// Preflight asks what a plan asks.
func (u undumped) Preflight(ctx context.Context) (database.Facts, error) {
	f, err := u.Planner.Preflight(ctx)
	if errors.Is(err, database.ErrVersion) {
		err = nil
	}
	return f, err
}

// ledgerID gives the id of the ledger that is there.
func (p *Planner) ledgerID(ctx context.Context) (string, error) {
	head, err := p.with.Ledger.Head(ctx)
	if err != nil {
		return "", fmt.Errorf("read the end of the ledger: %w", err)
	}
	return head.Ledger, nil
}

// Unchanged tells whether a plan would change nothing: the same digests run, the migration is in place, the
// configuration bundle is the same, and the last run closed as deployed.
func (p *Planner) Unchanged(ctx context.Context, plan engine.Plan) (bool, error) {
	t := plan.Terms
	if !slices.Equal(t.Images, t.Baseline) {
		return false, nil
	}
	runs, err := p.with.History.Runs(ctx, 1)
	if err != nil || len(runs) == 0 || runs[0].Outcome != fault.Deployed || runs[0].Action != engine.Deploy {
		return false, err
	}
	last, err := p.Opening(ctx, runs[0].Run)
	if err != nil || last.Terms.ReleaseID != t.ReleaseID || last.Terms.Bundle != t.Bundle {
		return false, err
	}
	if t.Migration == nil {
		return true, nil
	}
	_, m, err := p.recall(ctx, last)
	if err != nil {
		return false, err
	}
	done, err := p.with.Applied.InPlace(ctx, *m)
	return err == nil && done == m.Units(), err
}

// CheckHealth looks at health once; it gives the first check that does not pass and what was seen.
func (p *Planner) CheckHealth(ctx context.Context) (ok bool, check, saw string) {
	for _, c := range p.with.Health.Checks {
		if ok, saw := p.with.Health.Look(ctx, c); !ok {
			return false, c, saw
		}
	}
	return true, "", ""
}
