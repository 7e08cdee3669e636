package planner

import (
	"context"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/migrator"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// nothing is applied, kept or reachable.
type nothing struct {
	Database
	Backups
	backup.Store
	refuses []string
}

func (n nothing) Checking(sqltext.Script, func(context.Context) (int, error)) database.Planner {
	return n
}
func (nothing) InPlace(context.Context, step.Migration) (int, error) { return 0, nil }
func (nothing) ToolHistory(step.Migration) func(context.Context) (migrator.Reading, error) {
	return nil
}
func (nothing) Earlier(string) func(context.Context, engine.RunID) ([]apply.Fact, error) { return nil }
func (n nothing) Outside(sqltext.Script) []string                                        { return n.refuses }
func (nothing) Sweep(context.Context, string) ([]string, error)                          { return nil, nil }

// planning plans with a configuration and parts that are never reached.
func planning(r config.Rehearse, n nothing) *Planner {
	return New(Parts{Config: config.Config{App: "shop", Environment: "production", Rehearse: r}, Database: n,
		Applied: n, Sandbox: n,
		Backup: step.Backup{Store: n}, Scratch: r.Server.Reveal()})
}

func withMigration() (source.Found, *step.Migration) {
	f := source.Found{Release: release.Release{Migration: &release.Migration{File: "m.sql"}}, SQL: []byte("SELECT 1")}
	return f, migrationOf(f)
}

func TestRehearse_stands_between_backup_and_migrate_where_it_is_wanted(t *testing.T) {
	f, m := withMigration()
	for mode, want := range map[string][]engine.Name{
		"":       {"prefetch", "backup", "migrate"},
		"off":    {"prefetch", "backup", "migrate"},
		"schema": {"prefetch", "backup", "rehearse", "migrate"},
		"full":   {"prefetch", "backup", "rehearse", "migrate"},
	} {
		p := planning(config.Rehearse{Mode: mode, Server: config.NewSecret("local")}, nothing{})
		if got := p.deployment(f, m).names(); !slices.Equal(got[:len(want)], want) {
			t.Errorf("%q: %v, want %v …", mode, got, want)
		}
		if got := p.migration(&step.Migration{File: "m.sql", NoBackup: "a reason"}).names(); slices.Contains(got,
			"rehearse") {
			t.Errorf("%q: without a backup there is nothing to rehearse with: %v", mode, got)
		}
	}
}

func TestRehearse_is_part_of_what_is_approved(t *testing.T) {
	sum := func(mode, server string) string {
		t.Helper()
		s, err := planning(config.Rehearse{Mode: mode, Server: config.NewSecret(server)}, nothing{}).settings(nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if sum("off", "local") != sum("", "") {
		t.Error("a rehearsal that is off changes the plan")
	}
	if sum("full", "local") == sum("off", "local") || sum("full", "local") == sum("schema", "local") ||
		sum("full", "local") == sum("full", "production") {
		t.Error("two kinds of rehearsal are one plan")
	}
}

func TestRehearse_refuses_before_anything_is_attempted_what_could_reach_outside(t *testing.T) {
	for claim, c := range map[string]struct {
		mode    string
		refuses []string
		says    string
	}{
		"a program": {"full", []string{"line 1: COPY with PROGRAM", "line 2: roles"},
			"line 1: COPY with PROGRAM; line 2: roles"},
		"nothing":                  {"full", nil, ""},
		"a program, not rehearsed": {"off", []string{"line 1: COPY with PROGRAM"}, ""},
	} {
		_, err := planning(config.Rehearse{Mode: c.mode},
			nothing{refuses: c.refuses}).parse(step.Migration{File: "m.sql", SQL: []byte("SELECT 1")})
		f, ok := fault.Find(err)
		if (c.says == "") != (err == nil) {
			t.Errorf("%s: %v, want %q", claim, err, c.says)
		}
		if err != nil && (!ok || f.Code != "rehearsal-outside" || f.Outcome != fault.Refused ||
			!strings.Contains(f.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", claim, err, c.says)
		}
	}
}

func TestReviewPolicy_reaches_every_review_of_a_plan(t *testing.T) {
	p := planning(config.Rehearse{}, nothing{})
	p.with.Review = step.Review{Policy: sqlreview.Policy{SmallRows: 7}}
	f, m := withMigration()
	for name, steps := range map[string][]engine.Step{"deploy": p.deployment(f, m).asking(),
		"migrate": p.migration(m).asking()} {
		reviews := 0
		for _, s := range steps {
			if r, ok := s.(step.Review); ok {
				reviews++
				if r.Policy.SmallRows != 7 {
					t.Errorf("%s: %+v", name, r.Policy)
				}
			}
		}
		if reviews != 1 {
			t.Errorf("%s: %d reviews", name, reviews)
		}
	}
}

func TestDeployment_stops_writers_for_the_steps_from_backup_to_deploy_and_resumes_them(t *testing.T) {
	p := planning(config.Rehearse{}, nothing{})
	p.with.Writers = &step.Writers{}
	f, m := withMigration()
	got := p.deployment(f, m).acting()
	want := []engine.Name{"prefetch", "backup", "migrate", "deploy", "writers", "health", "smoke", "record"}
	if names := p.deployment(f, m).names(); !slices.Equal(names, want) {
		t.Fatalf("the steps are %v, want %v", names, want)
	}
	for i, s := range got {
		q, quiesced := s.(step.Quiesced)
		if name := want[i]; quiesced != slices.Contains([]engine.Name{"backup", "migrate", "deploy"}, name) ||
			q.Afresh != (name == "backup") || q.Running != (name == "deploy") {
			t.Errorf("%s: %+v", name, s)
		}
	}
	m.NoBackup = "a reason"
	for _, steps := range [][]engine.Step{p.deployment(f, nil).acting(), p.migration(m).acting()} {
		for _, s := range steps {
			if _, quiesced := s.(step.Quiesced); quiesced {
				t.Errorf("without a migration or without a backup, %s stops writers", s.Spec().Name)
			}
		}
	}
}

func TestPlan_parses_a_migration_once_and_not_again_under_the_lock(t *testing.T) {
	p := planning(config.Rehearse{Mode: "full"}, nothing{})
	m, err := p.with.Parser.Parse(step.Migration{File: "m.sql",
		SQL: []byte("ALTER TABLE orders ADD COLUMN note text;")})
	if err != nil {
		t.Fatal(err)
	}
	reviews := 0
	for _, s := range p.migrateDraft(&m).steps.asking() {
		if r, is := s.(step.Review); is {
			reviews++
			if r.Script == nil || r.Script.Node(0) != m.Script.Node(0) {
				t.Error("the reviewer is given another parse of the same bytes")
			}
		}
	}
	if reviews != 1 {
		t.Errorf("%d reviews, want 1", reviews)
	}
}
