package view

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/step"
)

func TestRehearsal_page_tells_what_was_seen_and_what_was_not(t *testing.T) {
	unit := step.RehearsedUnit{Unit: 1, Line: 7, Milliseconds: 1250, Rewrites: []string{"orders"},
		Locks: []string{"orders ACCESS EXCLUSIVE"}}
	whole := step.Rehearsed{Backup: "b.dump", Level: step.L3, Units: []step.RehearsedUnit{unit},
		Copy: database.Rehearsed{Where: "a server", Counted: true, Tables: 2, Rows: 10, Restored: 600,
			OldOnNew: &database.Tried{Fails: "no column\x1b[2J"}, NewOnOld: &database.Tried{},
			Notes: []string{"a note"}},
		Differ: []string{"line 7: locks"}}
	schema := step.Rehearsed{Backup: "b.dump", Level: step.L2, Units: []step.RehearsedUnit{unit}, Again: "it exists"}
	for want, e := range map[string]step.Rehearsed{
		"restored    b.dump: 2 tables, 10 rows, equal to the backup (L3), 0.60 s": whole,
		"2     7     1.25 s  orders    -":                                         whole,
		"second run  goes through":                                                whole,
		"DIFFERS     line 7: locks":                                               whole,
		"old on new  no column":                                                   whole,
		"new on old  passed":                                                      whole,
		"note        a note":                                                      whole,
		"nothing is known of the data":                                            schema,
		"second run  it exists":                                                   schema,
	} {
		if got := (Rehearsal{"m.sql", e}).Text(); !strings.Contains(got, want) || strings.ContainsRune(got, 0x1b) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}

func TestBrief_says_what_the_rehearsal_observed(t *testing.T) {
	img := release.Image{Service: "api", Repo: "r", Digest: release.SumDigest([]byte("old"))}
	b := Brief{Now: time.Now(), Ending: engine.Ending{Open: true, Step: "health", Err: errors.New("boom"),
		Proofs: engine.Proofs{},
		Opening: engine.Opening{Terms: engine.Terms{Action: engine.Deploy, Tag: "v2", Baseline: []release.Image{img},
			Migration: &release.Migration{File: "m.sql"}}}}}
	_ = b.Ending.Proofs.Add(step.BackedUp{Manifest: backup.Manifest{Name: "b.dump"}})
	if got := b.Text(); strings.Contains(got, "rehearsal") {
		t.Errorf("without one:\n%s", got)
	}
	for fails, want := range map[string]string{"": "the old version's check PASSED on the new schema",
		"no column": "the old version's check FAILED on the new schema: no column"} {
		_ = b.Ending.Proofs.Add(step.Rehearsed{Level: step.L3,
			Copy: database.Rehearsed{Counted: true, Restored: 2500, OldOnNew: &database.Tried{Fails: fails}}})
		if got := b.Text(); !strings.Contains(got, want) ||
			!strings.Contains(got, "restored in the rehearsal in 2.50 s, with every row (L3)") {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
}

func TestPlan_says_that_there_is_a_rehearsal(t *testing.T) {
	for want, steps := range map[bool][]engine.Name{true: {"backup", "rehearse", "migrate"},
		false: {"backup", "migrate"}} {
		p := Plan{Terms: engine.Terms{Action: engine.Deploy, Steps: steps,
			Migration: &release.Migration{File: "m.sql"}}}
		if got := p.Text(); strings.Contains(got, "tried there first") != want {
			t.Errorf("%v:\n%s", steps, got)
		}
	}
}
