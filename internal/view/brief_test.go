package view

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

func TestBrief_says_when_the_old_image_cannot_live_with_the_new_schema(t *testing.T) {
	img := release.Image{Service: "api", Repo: "r", Digest: release.SumDigest([]byte("old"))}
	b := Brief{Now: time.Now(), Lead: "lin", Previous: "v1",
		Ending: engine.Ending{Open: true, Step: "health", Err: errors.New("boom\x1b[2J"), Proofs: engine.Proofs{},
			Opening: engine.Opening{Terms: engine.Terms{Action: engine.Deploy, Tag: "v2",
				Baseline:  []release.Image{img},
				Migration: &release.Migration{File: "m.sql"}}}}}
	for compat, want := range map[sqlreview.Compatibility]string{"compatible": "found the old images compatible",
		"incompatible": "INCOMPATIBLE", "unknown": "is unknown", "conditional": "on conditions"} {
		_ = b.Ending.Proofs.Add(step.Migrated{Here: 1, Units: 1})
		b.Since = SchemaChanges{Migrations: []AppliedMigration{{"v2", "r-1", compat}}}
		if got := b.Text(); !strings.Contains(got, want) {
			t.Errorf("%s: the brief does not say %q:\n%s", compat, want, got)
		}
	}
	_ = b.Ending.Proofs.Add(step.Migrated{Here: 0, Units: 1, By: "r-0"})
	b.Since = SchemaChanges{}
	if got := b.Text(); !strings.Contains(got, "the schema is unchanged since the old images ran, so") ||
		strings.ContainsRune(got, 0x1b) {
		t.Errorf("a migration that was in place already:\n%q", got)
	}
	b.Ending.Opening.Terms.Baseline = nil
	if got := b.Text(); !strings.Contains(got, "there is nothing to go back to") ||
		strings.Contains(got, "fairlead rollback") {
		t.Errorf("a first deployment offers a rollback:\n%s", got)
	}
}

func TestSchemaChanges_judges_all_migrations_together(t *testing.T) {
	m := func(judged ...sqlreview.Compatibility) SchemaChanges {
		var s SchemaChanges
		for i, c := range judged {
			s.Migrations = append(s.Migrations, AppliedMigration{fmt.Sprintf("v%d", 9-i), "r-1", c})
		}
		return s
	}
	for want, s := range map[string]SchemaChanges{
		"the schema is unchanged since":                     m(),
		"compatible with the new schema after 2 migrations": m("compatible", "compatible"),
		"on conditions after 3 migrations (v8 is conditional): read fairlead show r-1": m("compatible", "conditional",
			"compatible"),
		"INCOMPATIBLE with the new schema after 2 migrations (v9 is conditional, v8 is ": m("conditional",
			"incompatible"),
		"is unknown after 2 migrations (v8 is unknown)": m("compatible", "unknown"),
		"is unknown: nobody wrote it down":              {Gap: "nobody wrote it down"},
	} {
		if got := s.String(); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
