package assemble

import (
	"fairlead/internal/engine"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// planning is what every deployment asks before it is approved, and again under the lock. It changes nothing anywhere.
func (p *Project) planning(f source.Found) []engine.Step {
	steps := []engine.Step{
		step.Check{Target: p.target, ByHand: p.ByHand(), Database: p.databaseOf(f), Backups: p.shelfOf(f), Ledger: p.ledgerID, Room: p.room, Fits: p.dumpFits}, // hosts, engine, clocks, disk, database: everything that is cheap to ask
		step.Confirm{Found: f, ByHand: p.ByHand(), Verify: p.registry.Check},                                                                                   // every digest exists and hashes to itself; labels name the commit
	}
	if f.Release.Migration != nil {
		steps = append(steps, p.reviewing(migrationOf(f))...) // the SQL is read, and what its tool has written down; what cannot be read blocks
	}
	return append(steps, step.Baseline{Services: services(f.Release), ByHand: p.ByHand()}) // what runs now, by digest: the way back
}

// acting is a deployment, in order. Nothing before migrate changes production.
func (p *Project) acting(f source.Found, script sqltext.Script) []engine.Step {
	steps := []engine.Step{step.Prefetch{Target: p.target, ByHand: p.ByHand()}} // all images are on all hosts before the database is touched
	if f.Release.Migration != nil {
		steps = append(steps, p.migrating(migrationOf(f), script)...) // backup, rehearsal if wanted, and the only step that must never run twice
	}
	if f.Release.Migration != nil {
		steps = append(steps, p.loudly(step.Deploy{Target: p.target, ByHand: p.ByHand()})...) // the same, and what was stopped for the migration is resumed
	} else {
		steps = append(steps, step.Deploy{Target: p.target, ByHand: p.ByHand()}) // service by service, digests read back from what runs
	}
	return append(steps,
		p.health(),                    // the runbook's window
		step.Smoke{Checks: p.smoke()}, // and it answers as promised
		step.Record{Target: p.target, Now: p.options.Now}, // who, what, when, what ran before
	)
}

// returning is a rollback: the images go back, the schema stays. It is another plan on the same engine.
func (p *Project) returning() []engine.Step {
	return []engine.Step{
		step.Prefetch{Target: p.target, ByHand: p.ByHand()},
		step.Deploy{Target: p.target, ByHand: p.ByHand()},
		p.health(),
		step.Smoke{Checks: p.smoke()},
		step.Record{Target: p.target, Now: p.options.Now},
	}
}
