package assemble

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/fault"
	"fairlead/internal/probe"
	"fairlead/internal/program"
	"fairlead/internal/step"
)

// health is the runbook's window over the configured checks.
func health(h config.Health, p *probe.Prober) step.Health {
	return step.Health{Checks: h.Checks, Every: h.Every, Attempts: h.Attempts, Successes: h.Successes, Pause: Pause,
		Look: func(ctx context.Context, url string) (bool, string) {
			r := p.Look(ctx, probe.Check{URL: url, Timeout: h.Timeout})
			return r.Passed, r.Why
		}}
}

// smoke is what the new version promises, as configured.
func smoke(s config.Smoke, p *probe.Prober) step.Smoke {
	var all []step.SmokeCheck
	for _, c := range s.HTTP {
		all = append(all, step.SmokeCheck{Name: c.URL, Advisory: !c.Required,
			Do: func(ctx context.Context) (bool, string) {
				r := p.Look(ctx, probe.Check{URL: c.URL, Status: c.Status, Contains: c.Contains, Timeout: s.Timeout})
				return r.Passed, r.Why
			}})
	}
	return step.Smoke{Checks: all}
}

// rehearse is the act of trying a migration on a scratch copy.
func rehearse(c config.Rehearse, d databaseParts, s backup.Store, review step.Review, environ []string) step.Rehearse {
	return step.Rehearse{On: d.sandbox, Store: s, SchemaOnly: c.Mode == "schema", Limit: c.Limit, Policy: review.Policy,
		Catalog: d.catalog, Old: c.Smoke.Old.Command, New: c.Smoke.New.Command,
		Command: func(ctx context.Context, argv, more []string) error {
			return program.Run(ctx, c.Smoke.Timeout, append(environ[:len(environ):len(environ)], more...), argv)
		}}
}

// scratchKind is what is approved of where rehearsals take place; of a server that a URL names, nothing more.
func scratchKind(c config.Rehearse) string {
	switch at := c.Server.Reveal(); at {
	case postgres.ServerLocal, postgres.ServerProduction:
		return at
	}
	return "url"
}

// writers is what stops and resumes what writes to the database; nil where nothing is configured.
func writers(q config.Quiesce, environ []string, now func() time.Time) *step.Writers {
	if len(q.Command) == 0 {
		return nil
	}
	does := func(argv []string) func(context.Context) error {
		return func(ctx context.Context) error { return program.Run(ctx, q.Timeout, environ, argv) }
	}
	var line []string
	for _, w := range q.Resume {
		line = append(line, fault.Word(w))
	}
	return &step.Writers{Stop: does(q.Command), Restart: does(q.Resume), Line: strings.Join(line, " "), Now: now}
}

// systemClock is the real time.
type systemClock struct{}

// Now gives the time.
func (systemClock) Now() time.Time { return time.Now() }

// Sleep waits.
func (systemClock) Sleep(ctx context.Context, d time.Duration) error { return Pause(ctx, d) }

// Jitter spreads what would otherwise be tried again at the same moment.
func (systemClock) Jitter() float64 { return rand.Float64() }
