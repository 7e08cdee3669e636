package planner

import (
	"context"
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/step"
)

// PlanDeploy plans a release: it asks everything, takes no lock and writes nothing. Closed gates are faults with the
// outcome Refused.
func (p *Planner) PlanDeploy(ctx context.Context, f source.Found) (engine.Plan, error) {
	if err := p.targeted(); err != nil {
		return engine.Plan{}, err
	}
	if err := p.fits(f.Release); err != nil {
		return engine.Plan{}, err
	}
	m := migrationOf(f)
	if m != nil {
		parsed, err := p.parse(*m)
		if err != nil {
			return engine.Plan{}, err
		}
		m = &parsed
	}
	return p.plan(ctx, p.deployDraft(f, m))
}

func (p *Planner) deployDraft(f source.Found, m *step.Migration) draft {
	d := draft{steps: p.deployment(f, m),
		terms:  func(proofs engine.Proofs) (engine.Terms, error) { return p.deployTerms(f, m, proofs) },
		stored: map[string]any{step.StoredRelease: f.Release, step.StoredOrigin: originOf(f)}}
	d.store(m)
	return d
}

// origin is why a release is believed.
type origin struct {
	From     string `json:"from"`
	Strength string `json:"strength"`
	Dir      string `json:"dir,omitempty"`
	// Claims are left out where there are none but those that the release makes itself.
	Claims source.Claims `json:"claims,omitempty"`
}

func originOf(f source.Found) origin {
	o := origin{From: f.From, Strength: f.Claims.Strength().String(), Dir: f.Dir}
	if f.Claims.Strength() > source.Asserted {
		o.Claims = f.Claims
	}
	return o
}

// found adds to a release why it is believed.
func (o origin) found(r release.Release) source.Found {
	f := source.Found{Release: r, From: o.From, Dir: o.Dir, Claims: o.Claims}
	if f.Claims == nil {
		f.Claims = source.Asserts(r)
	}
	return f
}

// fits tells whether the release is for this app and has an image for each configured service, and the other way round.
func (p *Planner) fits(r release.Release) error {
	c := p.with.Config
	if r.App != c.App {
		return refused("release-of-another-app", "the release is of app %q, the configuration is for %q", r.App, c.App)
	}
	for _, img := range r.Images {
		if _, ok := p.with.Services[img.Service]; !ok {
			return refused("service-not-configured",
				"the release has an image for %q, which target.services does not list", img.Service)
		}
	}
	for name := range p.with.Services {
		if _, ok := r.Image(name); !ok {
			return refused("service-without-image",
				"target.services lists %q, for which the release has no image", name)
		}
	}
	switch {
	case r.Migration == nil:
		return nil
	case p.with.Database == nil || p.with.Backup.Store == nil:
		return refused("database-not-configured",
			"the release has a migration, but the configuration has no database or no backup store")
	case r.Migration.Commanded():
		return p.runnable()
	}
	return nil
}

func refused(code fault.Code, why string, of ...any) error {
	return &fault.Fault{Code: code, Outcome: fault.Refused, Err: fmt.Errorf(why, of...),
		What:  "the release does not fit the configuration",
		Means: "production is unchanged; nothing was attempted", Do: []fault.Command{{Line: "fairlead plan TAG",
			Why: "after fairlead.yaml or the release file was corrected"}}}
}
