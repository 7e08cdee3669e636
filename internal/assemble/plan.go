package assemble

import (
	"context"
	"errors"
	"fmt"

	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// The names of a plan's blobs.
const (
	blobTerms   = "terms"
	blobRelease = "release"
	blobSQL     = "sql"
	blobUnits   = "units"
	blobFrom    = "from"
)

// PlanDeploy plans a release: it asks everything, takes no lock and writes nothing. Closed gates are faults with the outcome Refused.
func (p *Project) PlanDeploy(ctx context.Context, f source.Found) (engine.Plan, error) {
	if err := p.targeted(); err != nil {
		return engine.Plan{}, err
	}
	if err := p.fits(f.Release); err != nil {
		return engine.Plan{}, err
	}
	script, err := p.units(f)
	if err != nil {
		return engine.Plan{}, err
	}
	if f.Release.Migration != nil && !f.Release.Migration.Commanded() {
		if err := p.rehearsable(f.Release.Migration.File, script); err != nil {
			return engine.Plan{}, err
		}
	}
	return p.plan(ctx, p.deployment(f, script))
}

func (p *Project) deployment(f source.Found, script sqltext.Script) draft {
	d := draft{planning: func() []engine.Step { return p.planning(f) }, acting: p.acting(f, script),
		terms: func(proofs engine.Proofs) (engine.Terms, error) { return p.terms(f, script, proofs) },
		kept:  map[string]any{blobRelease: f.Release, blobFrom: from{f.From, f.Strength, f.Dir}}}
	if f.Release.Migration != nil && !f.Release.Migration.Commanded() {
		d.kept[blobUnits], d.kept[blobSQL] = script, f.SQL
	}
	return d
}

// fits tells whether the release is for this app and has an image for each configured service, and the other way round.
func (p *Project) fits(r release.Release) error {
	if r.App != p.Config.App {
		return refused("release-of-another-app", fmt.Errorf("the release is of app %q, the configuration is for %q", r.App, p.Config.App))
	}
	configured := p.services
	for _, img := range r.Images {
		if _, ok := configured[img.Service]; !ok {
			return refused("service-not-configured", fmt.Errorf("the release has an image for %q, which target.services does not list", img.Service))
		}
	}
	for name := range configured {
		if _, ok := r.Image(name); !ok {
			return refused("service-without-image", fmt.Errorf("target.services lists %q, for which the release has no image", name))
		}
	}
	if r.Migration != nil && (p.database == nil || p.backups == nil) {
		return refused("database-not-configured", errors.New("the release has a migration, but the configuration has no database or no backup store"))
	}
	if r.Migration != nil && r.Migration.Commanded() {
		return p.runnable()
	}
	return nil
}

func refused(code fault.Code, err error) error {
	return &fault.Fault{Code: code, What: "the release does not fit the configuration", Means: "production is unchanged; nothing was attempted",
		Do: []fault.Command{{Line: "fairlead plan TAG", Why: "after fairlead.yaml or the release file was corrected"}}, Outcome: fault.Refused, Err: err}
}

// units parses the migration once; reviewer, applier and resume use this table.
func (p *Project) units(f source.Found) (sqltext.Script, error) {
	if f.Release.Migration == nil || f.Release.Migration.Commanded() {
		return sqltext.Script{}, nil
	}
	return p.parsed(f.Release.Migration.File, f.SQL, false)
}

// parsed reads a migration, or says why it cannot be applied; whole as Migration has it.
func (p *Project) parsed(file string, sql []byte, whole bool) (sqltext.Script, error) {
	if err := oneWay(file, sql); err != nil {
		return sqltext.Script{}, err
	}
	script, err := p.read(sql, whole)
	for _, st := range script.Statements {
		if err == nil && st.CopyData != nil {
			err = fmt.Errorf("line %d: rows behind COPY … FROM stdin are not applied yet; write them as INSERT", st.Line)
		}
	}
	if err == nil && p.markerless() {
		err = outsideTransactions(script)
	}
	if err != nil {
		return script, &fault.Fault{Code: "migration-unreviewable", What: file + " cannot be applied as it is",
			Means: "production is unchanged; nothing was attempted", Outcome: fault.Refused, Err: err,
			Do: []fault.Command{{Line: "fairlead review " + file, Why: "shows where"}}}
	}
	return script, nil
}

// terms puts together what gets approved.
func (p *Project) terms(f source.Found, script sqltext.Script, proofs engine.Proofs) (engine.Terms, error) {
	before, err := engine.Recall[step.RanBefore](proofs)
	if err != nil {
		return engine.Terms{}, err
	}
	id, err := f.Release.ID()
	if err != nil {
		return engine.Terms{}, err
	}
	settings, err := p.settings(f.Release.Migration)
	if err != nil {
		return engine.Terms{}, err
	}
	t := engine.Terms{
		Schema: engine.TermsSchema, Action: engine.Deploy, App: p.Config.App, Environment: p.Config.Environment, ReleaseID: id,
		Tag: f.Release.Tag, Commit: f.Release.Commit, Images: f.Release.Images, Migration: f.Release.Migration, Target: before.Place,
		Baseline: before.Images, Bundle: before.Bundle, Settings: settings, Steps: names(p.acting(f, script)), OnFailure: p.onFailure(),
		Approval: p.approval(),
	}
	if f.Release.Migration == nil {
		return t, nil
	}
	reviewed, err := engine.Recall[step.Reviewed](proofs)
	if err != nil {
		return t, err
	}
	t.Review = reviewed.Sum
	if f.Release.Migration.Commanded() {
		return t, nil
	}
	t.Units, err = release.Canonical(script.Units)
	return t, err
}

func (p *Project) onFailure() engine.OnFailure {
	return engine.OnFailure{Unmigrated: engine.Reaction(p.Config.OnFailure.Unmigrated), Migrated: engine.Reaction(p.Config.OnFailure.Migrated)}
}

func (p *Project) approval() string {
	return p.Config.Approval.From + " (" + p.Config.Approval.Reason + ")"
}

// settings is the fingerprint of everything configured that decides what the steps do.
func (p *Project) settings(m *release.Migration) (string, error) {
	return release.Canonical(struct {
		Health   config.Health
		Smoke    config.Smoke
		Services map[string]string
		Rehearse *rehearseTerms `json:",omitempty"`
		Command  *commandTerms  `json:",omitempty"`
		Quiesce  *quiesceTerms  `json:",omitempty"`
	}{p.Config.Health, p.Config.Smoke, p.services, rehearseTermsOf(p.Config.Rehearse), p.commandTerms(m), p.quiesceTerms()})
}

func names(steps []engine.Step) []engine.Name {
	var all []engine.Name
	for _, s := range steps {
		all = append(all, s.Spec().Name)
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

// from is why a release is believed, kept for a resume on another machine.
type from struct {
	From     string `json:"from"`
	Strength string `json:"strength"`
	Dir      string `json:"dir,omitempty"`
}
