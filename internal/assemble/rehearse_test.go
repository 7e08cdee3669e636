package assemble

import (
	"slices"
	"strings"
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
)

// rehearsingProject has a database that is never reached.
func rehearsingProject(t *testing.T, r config.Rehearse) *Project {
	t.Helper()
	d, err := postgres.Open(postgres.Config{URL: config.NewSecret("postgres://u@h/d")}, postgres.Session{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Project{Config: config.Config{App: "shop", Environment: "production", Rehearse: r}, database: d}
	p.rehearser = p.rehearsals(d)
	return p
}

func TestRehearse_stands_between_backup_and_migrate_where_it_is_wanted(t *testing.T) {
	f := source.Found{Release: release.Release{Migration: &release.Migration{File: "m.sql"}}, SQL: []byte("SELECT 1")}
	for mode, want := range map[string][]engine.Name{
		"":       {"prefetch", "backup", "migrate"},
		"off":    {"prefetch", "backup", "migrate"},
		"schema": {"prefetch", "backup", "rehearse", "migrate"},
		"full":   {"prefetch", "backup", "rehearse", "migrate"},
	} {
		p := rehearsingProject(t, config.Rehearse{Mode: mode, Server: config.NewSecret("local")})
		if got := names(p.acting(f, sqltext.Script{})); !slices.Equal(got[:len(want)], want) {
			t.Errorf("%q: %v, want %v …", mode, got, want)
		}
		if got := names(p.actingAlone(Migration{File: "m.sql", NoBackup: "a reason"}, sqltext.Script{})); slices.Contains(got, "rehearse") {
			t.Errorf("%q: without a backup there is nothing to rehearse with: %v", mode, got)
		}
	}
}

func TestRehearse_is_part_of_what_is_approved_and_its_URL_is_not(t *testing.T) {
	sum := func(mode, server string) string {
		t.Helper()
		s, err := rehearsingProject(t, config.Rehearse{Mode: mode, Server: config.NewSecret(server)}).settings(nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if sum("off", "local") != sum("", "") {
		t.Error("a rehearsal that is off changes the plan")
	}
	if sum("full", "local") == sum("off", "local") || sum("full", "local") == sum("schema", "local") || sum("full", "local") == sum("full", "production") {
		t.Error("two kinds of rehearsal are one plan")
	}
	if sum("full", "postgres://u:old@h/d") != sum("full", "postgres://u:new@h/d") {
		t.Error("another password is another plan")
	}
}

func TestRehearse_refuses_before_anything_is_attempted_what_could_reach_outside(t *testing.T) {
	for claim, c := range map[string]struct {
		mode, server, sql, says string
	}{
		"a program":                  {"full", "local", "COPY a TO PROGRAM 'x'", "line 1: COPY with PROGRAM"},
		"a role, on a shared server": {"schema", "production", "SELECT 1;\nCREATE ROLE r", "line 2: roles belong to the whole server"},
		"a role, on its own":         {"full", "local", "CREATE ROLE r", ""},
		"a program, not rehearsed":   {"off", "local", "COPY a TO PROGRAM 'x'", ""},
	} {
		script, _ := sqltext.Parse([]byte(c.sql))
		err := rehearsingProject(t, config.Rehearse{Mode: c.mode, Server: config.NewSecret(c.server)}).rehearsable("m.sql", script)
		f, ok := fault.Find(err)
		if (c.says == "") != (err == nil) || err != nil && (!ok || f.Code != "rehearsal-outside" || f.Outcome != fault.Refused || !strings.Contains(f.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", claim, err, c.says)
		}
	}
}
