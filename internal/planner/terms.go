package planner

import (
	"fmt"
	"path/filepath"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/step"
)

// deployTerms puts together what gets approved of a deployment.
func (p *Planner) deployTerms(f source.Found, m *step.Migration, proofs engine.Proofs) (engine.Terms, error) {
	before, err := engine.Recall[step.RanBefore](proofs)
	if err != nil {
		return engine.Terms{}, err
	}
	t := p.terms(engine.Deploy, f.Release.Tag, p.deployment(f, m))
	if t.ReleaseID, err = f.Release.ID(); err != nil {
		return engine.Terms{}, err
	}
	if t.Settings, err = p.settings(f.Release.Migration); err != nil {
		return engine.Terms{}, err
	}
	if t.Claims, err = f.Claims.Sum(); err != nil {
		return engine.Terms{}, err
	}
	t.Commit, t.Images, t.Migration = f.Release.Commit, f.Release.Images, f.Release.Migration
	t.Target, t.Baseline, t.Bundle = before.Place, before.Images, before.Bundle
	c := p.with.Config.OnFailure
	t.OnFailure = engine.OnFailure{Unmigrated: engine.Reaction(c.Unmigrated), Migrated: engine.Reaction(c.Migrated)}
	return t, reviewTerms(&t, m, proofs)
}

// migrateTerms puts together what gets approved of a migration alone.
func (p *Planner) migrateTerms(m *step.Migration, proofs engine.Proofs) (engine.Terms, error) {
	checked, err := engine.Recall[step.Checked](proofs)
	if err != nil {
		return engine.Terms{}, err
	}
	t := p.terms(engine.Migrate, tagOf(m.File), p.migration(m))
	if t.Settings, err = p.migrateSettings(m); err != nil {
		return engine.Terms{}, err
	}
	t.Images, t.Baseline, t.Target = []release.Image{}, []release.Image{}, server(checked.Database)
	t.Migration = &release.Migration{File: m.File, SHA256: m.SHA256()}
	if m.Commanded() {
		t.Tag, t.Migration = filepath.Base(m.Command.Command[0]), &m.Command
	}
	return t, reviewTerms(&t, m, proofs)
}

// terms is what every plan says of itself. Without more, whoever is there is asked when it fails.
func (p *Planner) terms(a engine.Action, tag string, s sequence) engine.Terms {
	c := p.with.Config
	return engine.Terms{Schema: engine.TermsSchema, Action: a, App: c.App, Environment: c.Environment, Tag: tag,
		Steps: s.names(), OnFailure: engine.OnFailure{Unmigrated: engine.Ask, Migrated: engine.Ask},
		Approval: c.Approval.From + " (" + c.Approval.Reason + ")"}
}

// reviewTerms adds what a review has found and what it was of.
func reviewTerms(t *engine.Terms, m *step.Migration, proofs engine.Proofs) error {
	if m == nil {
		return nil
	}
	reviewed, err := engine.Recall[step.Reviewed](proofs)
	if err != nil {
		return err
	}
	if t.Review = reviewed.Sum; !m.Commanded() {
		t.Units, err = release.Canonical(m.Script.Units)
	}
	return err
}

// settings is the fingerprint of everything configured that decides what the steps of a deployment do.
func (p *Planner) settings(m *release.Migration) (string, error) {
	return release.Canonical(struct {
		Health   config.Health
		Smoke    config.Smoke
		Services map[string]string
		Rehearse *rehearseTerms `json:",omitempty"`
		Command  *commandTerms  `json:",omitempty"`
		Quiesce  *quiesceTerms  `json:",omitempty"`
	}{p.with.Config.Health, p.with.Config.Smoke, p.with.Services, p.rehearseTerms(), p.commandTerms(m),
		p.quiesceTerms()})
}

// migrateSettings is the same for a migration alone.
func (p *Planner) migrateSettings(m *step.Migration) (string, error) {
	return release.Canonical(struct {
		Bare, Again bool
		Rehearse    *rehearseTerms `json:",omitempty"`
		Command     *commandTerms  `json:",omitempty"`
	}{m.NoBackup != "", m.Again != "", p.rehearseTerms(), p.commandTerms(&m.Command)})
}

// rehearseTerms is what of the configuration decides what a rehearsal proves; nil for none.
type rehearseTerms struct {
	Mode, Server string
	Old, New     []string
}

func (p *Planner) rehearseTerms() *rehearseTerms {
	c := p.with.Config.Rehearse
	if !c.Wanted() {
		return nil
	}
	return &rehearseTerms{Mode: c.Mode, Server: p.with.Scratch, Old: c.Smoke.Old.Command, New: c.Smoke.New.Command}
}

// commandTerms is what is configured of how a command runs; nil for none.
type commandTerms struct{ Env, Form, Timeout string }

func (p *Planner) commandTerms(m *release.Migration) *commandTerms {
	if m == nil || !m.Commanded() {
		return nil
	}
	c := p.with.Config.Migration
	return &commandTerms{c.Env, c.Form, c.Timeout.String()}
}

// quiesceTerms is what is approved of stopping what writes; nil for nothing.
type quiesceTerms struct{ Command, Resume []string }

func (p *Planner) quiesceTerms() *quiesceTerms {
	if p.with.Writers == nil {
		return nil
	}
	return &quiesceTerms{p.with.Config.Backup.Quiesce.Command, p.with.Config.Backup.Quiesce.Resume}
}

// server names a database so that another one is another plan.
func server(f *database.Facts) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("database %s of server %s, timeline %d", f.Database, f.System, f.Timeline)
}

// tagOf is what a migration is called in a list of runs: its file, with its folder where the file's name alone says
// nothing.
func tagOf(file string) string {
	file = filepath.ToSlash(file)
	base, folder := filepath.Base(file), filepath.Base(filepath.Dir(file))
	switch base {
	case "migration.sql", "up.sql", "down.sql":
		if folder != "." && folder != "/" {
			return folder + "/" + base
		}
	}
	return base
}
