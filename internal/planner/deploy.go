package planner

import (
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/step"
)

// deployment is a whole deployment, from check to record. What it asks is asked before the plan is approved and again
// under the lock, and changes nothing anywhere; nothing before the migration changes production. Without a migration,
// the steps of one are left out.
func (p *Planner) deployment(f source.Found, m *step.Migration) sequence {
	return sequence{
		// hosts, engine, clocks, disk, database: everything that is cheap to ask
		asks(p.check(m, p.with.Target)),
		// every digest exists and hashes to itself; labels name the commit
		asks(step.Confirm{Found: f, ByHand: p.ByHand(), Verify: p.with.Verify}),
		// what the tool that made the migration has written down about it
		asks(p.toolHistory(m)),
		// the SQL is read; what cannot be read blocks
		asks(p.review(m)),
		// what runs now, by digest: the way back
		asks(step.Baseline{Services: services(f.Release), ByHand: p.ByHand()}),

		// all images are on all hosts before the database is touched
		acts(step.Prefetch{Target: p.with.Target, ByHand: p.ByHand()}),
		// what writes to the database is stopped within these lines, if that is configured, and resumed after them
		p.quiesced(m,
			// a dump, hashed, read back, compared
			p.backup(m),
			// the backup restored and the migration tried there, if that is wanted
			p.rehearse(m),
			// the only step that must never run twice
			p.migrate(m),
			// service by service, digests read back from what runs
			step.Deploy{Target: p.with.Target, ByHand: p.ByHand()}),
		// the runbook's window
		acts(p.with.Health),
		// and it answers as promised
		acts(p.with.Smoke),
		// who, what, when, what ran before
		acts(step.Record{Target: p.with.Target, Now: p.with.Now}),
	}
}

// migration is a migration without a release around it: the same steps, without images and services.
func (p *Planner) migration(m *step.Migration) sequence {
	return sequence{
		asks(p.check(m, nil)),
		asks(p.toolHistory(m)),
		asks(p.review(m)),
		p.quiesced(m, p.backup(m), p.rehearse(m), p.migrate(m)),
		acts(step.Record{Alone: true, Now: p.with.Now}),
	}
}

// rollback brings images back; the schema stays. It is another plan on the same engine.
func (p *Planner) rollback() sequence {
	return sequence{
		acts(step.Prefetch{Target: p.with.Target, ByHand: p.ByHand()}),
		acts(step.Deploy{Target: p.with.Target, ByHand: p.ByHand()}),
		acts(p.with.Health),
		acts(p.with.Smoke),
		acts(step.Record{Target: p.with.Target, Now: p.with.Now}),
	}
}

// A sequence is the steps of a plan in order: those that ask first, then those that act.
type sequence []part

type part struct {
	asking bool
	steps  []engine.Step
}

// asks is a step that looks while planning; acts is one that is done once the plan is approved. No step is no part.
func asks(s engine.Step) part { return part{asking: true, steps: []engine.Step{s}} }
func acts(s engine.Step) part { return part{steps: []engine.Step{s}} }

// quiesced acts while what writes to the database is stopped, and resumes it at the end or when one of the steps fails.
// Replacing services does not need it stopped. A migration without a backup stops nothing: there is no snapshot to lose
// anything after.
func (p *Planner) quiesced(m *step.Migration, steps ...engine.Step) part {
	w := p.with.Writers
	if m == nil || m.NoBackup != "" || w == nil {
		return part{steps: steps}
	}
	var all []engine.Step
	for _, s := range steps {
		if s == nil {
			continue
		}
		_, backup := s.(step.Backup)
		_, deploy := s.(step.Deploy)
		all = append(all, step.Quiesced{Step: s, Writers: w, Afresh: backup, Running: deploy})
	}
	return part{steps: append(all, step.ResumeWriters{Writers: w})}
}

// asking gives the steps that look while planning.
func (s sequence) asking() []engine.Step { return s.of(true) }

// acting gives the steps that are done once the plan is approved.
func (s sequence) acting() []engine.Step { return s.of(false) }

func (s sequence) of(asking bool) []engine.Step {
	var all []engine.Step
	for _, p := range s {
		for _, one := range p.steps {
			if p.asking == asking && one != nil {
				all = append(all, one)
			}
		}
	}
	return all
}

// names gives the steps that act, as they stand in what is approved.
func (s sequence) names() []engine.Name {
	var all []engine.Name
	for _, one := range s.acting() {
		all = append(all, one.Spec().Name)
	}
	return all
}

func services(r release.Release) []string {
	var all []string
	for _, img := range r.Images {
		all = append(all, img.Service)
	}
	return all
}
