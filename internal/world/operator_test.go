package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/step"
	"fairlead/internal/world"
)

// An act is what a person asks for.
type act struct {
	do      string // deploy, resume, rollback, abandon
	version *version
}

// An operator is one process of the program: one command. What it does is what assemble and cli do, over the same
// engine and steps.
type operator struct {
	s    *story
	id   int
	act  act
	calm bool
	proc *world.Proc

	engine  *engine.Engine
	number  int64 // of its opening or takeover, 0 while it has none
	records int
	ending  *engine.Ending // what it said at its end; nil when it did not live to say anything
	err     error          // of a command that ended before a run was its own
}

func (o *operator) main(p *world.Proc) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !o.calm {
		p.Cancel = cancel
	}
	o.engine = &engine.Engine{Ledger: o.s.ledger, Observe: func(engine.Event) {}, Now: o.s.Now, NewID: o.newID,
		Pause:    clock{o.s}.Sleep,
		Holder:   engine.Holder{Name: p.Name(), How: "claimed", Process: p.Name()},
		Barriers: o.barriers, Fallback: o.fallback}
	o.s.Tell("starts: %s %s", o.act.do, o.tag())
	var e engine.Ending
	e, o.err = o.run(ctx)
	if o.err != nil {
		o.s.Tell("ends: %v", o.err)
		o.s.judge.refused(o)
		return
	}
	o.ending = &e
	o.s.Tell("ends: %s (exit %d), open=%v: %s; %v", e.Outcome, e.Outcome.Exit(), e.Open, e.Means, e.Err)
	o.s.judge.reported(o, e)
}

func (o *operator) tag() string {
	if o.act.version == nil {
		return ""
	}
	return o.act.version.tag
}

func (o *operator) newID() string {
	o.records++
	id := fmt.Sprintf("o%d-%d", o.id, o.records)
	o.s.byRecord[id] = o
	return id
}

func (o *operator) barriers(_ engine.Terms, migrating bool) []engine.Barrier {
	all := []engine.Barrier{o.s.target}
	if migrating {
		all = append(all, o.s.database)
	}
	return all
}

func (o *operator) run(ctx context.Context) (engine.Ending, error) {
	switch o.act.do {
	case "deploy":
		return o.deploy(ctx)
	case "resume":
		return o.resume(ctx)
	case "rollback":
		return o.rollback(ctx)
	}
	return o.abandon(ctx)
}

func (o *operator) runID() engine.RunID { return engine.RunID(fmt.Sprintf("r%d", o.id)) }

func (o *operator) deploy(ctx context.Context) (engine.Ending, error) {
	v := o.act.version
	plan, err := o.plan(ctx, v)
	if err != nil {
		return engine.Ending{}, err
	}
	r, err := o.engine.Open(ctx, engine.OpenRequest{Run: o.runID(), Plan: plan,
		Approvals: engine.Approvals{{By: "nobody"}}})
	if err != nil {
		return engine.Ending{}, err
	}
	return r.Execute(ctx), nil
}

// plan looks at what runs now and makes the plan of a release.
func (o *operator) plan(ctx context.Context, v *version) (engine.Plan, error) {
	before, err := o.baseline(ctx)
	if err != nil {
		return engine.Plan{}, err
	}
	t := engine.Terms{Schema: engine.TermsSchema, Action: engine.Deploy, App: app, Environment: environment, Tag: v.tag,
		Images:   v.images,
		Baseline: before.Images, Bundle: before.Bundle, Approval: "none",
		OnFailure: engine.OnFailure{Unmigrated: engine.RollBack, Migrated: engine.Ask}}
	if v.change != nil {
		t.Migration = &release.Migration{File: "migration.sql", SHA256: v.change.script.SHA256}
	}
	p := o.assemble(t)
	terms, err := json.Marshal(t)
	if err != nil {
		return engine.Plan{}, err
	}
	p.Blobs = map[string][]byte{"terms": terms}
	if v.change != nil {
		p.Blobs["sql"] = []byte(v.change.sql)
	}
	return p, nil
}

// baseline reads what runs now with the production step.
func (o *operator) baseline(ctx context.Context) (step.RanBefore, error) {
	proofs, err := engine.Survey(ctx, []engine.Step{
		step.Check{Target: o.s.target, Ledger: o.ledgerID},
		step.Baseline{Services: o.s.services},
	}, nil, o.s.Now, func(engine.Event) {})
	if err != nil {
		return step.RanBefore{}, err
	}
	return engine.Recall[step.RanBefore](proofs)
}

func (o *operator) ledgerID(ctx context.Context) (string, error) {
	h, err := o.s.ledger.Head(ctx)
	return h.Ledger, err
}

// assemble makes the steps of terms.
func (o *operator) assemble(t engine.Terms) engine.Plan {
	p := engine.Plan{Terms: t, Steps: o.steps(t), Proofs: engine.Proofs{}}
	p.Terms.Steps = nil
	for _, s := range p.Steps {
		p.Terms.Steps = append(p.Terms.Steps, s.Spec().Name)
	}
	if t.Action == engine.Rollback {
		return p
	}
	p.Reprove = func(ctx context.Context) (engine.Terms, engine.Proofs, error) {
		before, err := o.baseline(ctx)
		if err != nil {
			return engine.Terms{}, nil, err
		}
		again := p.Terms
		again.Baseline, again.Bundle = before.Images, before.Bundle
		return again, nil, nil
	}
	return p
}

func (o *operator) steps(t engine.Terms) []engine.Step {
	s := o.s
	all := []engine.Step{step.Prefetch{Target: s.target}}
	if t.Migration != nil {
		c := changeOf(t.Migration.SHA256)
		all = append(all, step.Backup{Database: s.database, Store: s.store, Now: s.Now},
			step.Migrate{Server: s.database, Recovery: s.database, PointInTime: s.database, Script: c.script,
				Clock: clock{s}, Earlier: o.earlier(c.script.SHA256)})
	}
	return append(all, step.Deploy{Target: s.target},
		step.Health{Checks: s.services, Every: 10 * time.Second, Attempts: 3, Look: o.look, Pause: clock{s}.Sleep},
		step.Record{Target: s.target, Now: s.Now})
}

// earlier gives what earlier runs of a migration have noted, where the database keeps no markers.
func (o *operator) earlier(migration string) func(context.Context, engine.RunID) ([]apply.Fact, error) {
	if !o.s.database.Markerless {
		return nil
	}
	return func(ctx context.Context, but engine.RunID) ([]apply.Fact, error) {
		var all []apply.Fact
		runs, err := o.s.ledger.Runs(ctx, 0)
		for _, r := range slices.Backward(runs) {
			records, err := o.s.ledger.Records(ctx, r.Run)
			if err != nil {
				return nil, err
			}
			opening, err := engine.OpeningOf(records)
			if r.Run != but && err == nil && opening.Terms.Migration != nil &&
				opening.Terms.Migration.SHA256 == migration {
				all = append(all, step.AppliedFacts(records)...)
			}
		}
		return all, err
	}
}

func changeOf(sha256 string) *change {
	i := slices.IndexFunc(pool(), func(c *change) bool { return c.script.SHA256 == sha256 })
	return pool()[i]
}

// look is one look at the health of a service, through the public address.
func (o *operator) look(ctx context.Context, service string) (bool, string) {
	for _, h := range o.s.hosts {
		ok := false
		if err := o.s.Do(ctx, h.Place(), "health of "+service,
			func() error { ok = h.Serves(service); return nil }); err != nil {
			return false, err.Error()
		}
		if !ok {
			return false, service + " on " + h.Name() + " does not answer"
		}
	}
	return true, "200"
}

// opened reads the open run and its opening, as resume does: from the ledger alone.
func (o *operator) opened(ctx context.Context) (engine.Head, engine.Opening, error) {
	head, err := o.s.ledger.Head(ctx)
	if err != nil {
		return head, engine.Opening{}, err
	}
	if head.Open() == "" {
		return head, engine.Opening{}, engine.ErrNoRun
	}
	opening, err := engine.OpeningOf(head.Last)
	if err != nil {
		return head, opening, err
	}
	raw, err := o.s.ledger.Blob(ctx, opening.Blobs["terms"])
	if err != nil {
		return head, opening, err
	}
	var t engine.Terms
	if err := json.Unmarshal(raw, &t); err != nil {
		return head, opening, err
	}
	t.Steps = opening.Terms.Steps
	opening.Terms = t
	return head, opening, nil
}

func (o *operator) resume(ctx context.Context) (engine.Ending, error) {
	_, opening, err := o.opened(ctx)
	if err != nil {
		return engine.Ending{}, err
	}
	r, err := o.engine.Take(ctx, o.assemble(opening.Terms), opening, "resumed")
	if err != nil {
		return engine.Ending{}, err
	}
	return r.Execute(ctx), nil
}

// fallback is the plan that policy asks for: the images that ran before.
func (o *operator) fallback(ctx context.Context, opening engine.Opening, _ engine.Proofs) (engine.Plan, error) {
	if _, err := o.s.target.Look(ctx); err != nil {
		return engine.Plan{}, err
	}
	return o.back(opening.Terms)
}

var errFirst = errors.New("nothing ran before: there is nothing to go back to")

func (o *operator) back(failed engine.Terms) (engine.Plan, error) {
	if len(failed.Baseline) == 0 {
		return engine.Plan{}, errFirst
	}
	t := engine.Terms{Schema: engine.TermsSchema, Action: engine.Rollback, App: app, Environment: environment,
		Tag:    "before " + failed.Tag,
		Images: failed.Baseline, Bundle: failed.Bundle, Approval: "none",
		OnFailure: engine.OnFailure{Unmigrated: engine.Ask, Migrated: engine.Ask}}
	p := o.assemble(t)
	terms, err := json.Marshal(t)
	p.Blobs = map[string][]byte{"terms": terms}
	return p, err
}

// rollback goes back by hand: it closes the open run, or follows the last one.
func (o *operator) rollback(ctx context.Context) (engine.Ending, error) {
	head, err := o.s.ledger.Head(ctx)
	if err != nil {
		return engine.Ending{}, err
	}
	opening, err := engine.OpeningOf(head.Last)
	if err != nil {
		return engine.Ending{}, err
	}
	plan, err := o.back(opening.Terms)
	if err != nil {
		return engine.Ending{}, err
	}
	q := engine.OpenRequest{Run: o.runID(), Plan: plan, Approvals: engine.Approvals{{By: "nobody"}}}
	if open := head.Open(); open != "" {
		c := step.GivenUp(head.Last, o.engine.Holder, "given up")
		q.Closes = &c
	}
	r, err := o.engine.Open(ctx, q)
	if err != nil {
		return engine.Ending{}, err
	}
	return r.Execute(ctx), nil
}

func (o *operator) abandon(ctx context.Context) (engine.Ending, error) {
	_, opening, err := o.opened(ctx)
	if err != nil {
		return engine.Ending{}, err
	}
	p := o.assemble(opening.Terms)
	c, err := o.engine.Abandon(ctx, opening, p.Steps, "given up")
	if err != nil {
		return engine.Ending{}, err
	}
	return engine.Ending{Run: c.Run, Outcome: c.Outcome, Means: c.Means, Closing: c}, nil
}
