package assemble

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
)

// past is a ledger with runs that have noted what they applied.
type past struct {
	engine.Ledger
	engine.History
	runs    []engine.Summary
	records map[engine.RunID][]engine.Record
}

func (p past) Runs(context.Context, int) ([]engine.Summary, error) { return p.runs, nil }
func (p past) Records(_ context.Context, run engine.RunID) ([]engine.Record, error) {
	return p.records[run], nil
}

// ran is a run that opened with a migration and noted facts.
func (p *past) ran(t *testing.T, run engine.RunID, migration string, migrated bool, facts ...apply.Fact) {
	t.Helper()
	line := func(v engine.Verdict, kind engine.Kind, e any) {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		p.records[run] = append(p.records[run], engine.Record{Run: run, Verdict: v, Kind: kind, Evidence: raw, At: time.Unix(int64(len(p.runs)), 0)})
	}
	line(engine.Opened, "", engine.Opening{Terms: engine.Terms{Migration: &release.Migration{SHA256: migration}}})
	for _, f := range facts {
		line(engine.Noted, "apply/1", f)
	}
	p.runs = append([]engine.Summary{{Run: run, Action: engine.Deploy, Outcome: fault.Deployed, Migrated: migrated}}, p.runs...)
}

func TestNoted_gives_what_earlier_runs_of_the_migration_noted_oldest_first(t *testing.T) {
	p := past{records: map[engine.RunID][]engine.Record{}}
	fact := func(what apply.What, unit int, xid string) apply.Fact {
		return apply.Fact{What: what, Attempt: apply.Attempt{Unit: unit, XID: xid}}
	}
	p.ran(t, "r-1", "m", true, fact(apply.Attempted, 0, "10"), fact(apply.CommitSent, 0, "10"), fact(apply.Settled, 0, "10"))
	p.ran(t, "r-2", "other", true, fact(apply.Settled, 0, "11"))
	p.ran(t, "r-3", "m", false, fact(apply.Settled, 1, "12")) // it says that it migrated nothing
	p.ran(t, "r-4", "m", true, fact(apply.Attempted, 1, "13"))
	project := Project{ledger: p, history: p}
	all, err := project.noted(t.Context(), "m", "")
	if err != nil || len(all) != 4 || all[0].Run != "r-1" || all[3].Run != "r-4" || all[2].What != apply.Settled || all[0].At.IsZero() && all[3].At.IsZero() {
		t.Errorf("noted %+v, error %v", all, err)
	}
	if all, err := project.noted(t.Context(), "m", "r-4"); err != nil || len(all) != 3 {
		t.Errorf("but r-4: noted %+v, error %v", all, err)
	}
}

func TestOutsideTransactions_refuses_by_line_what_needs_markers(t *testing.T) {
	for sql, line := range map[string]string{
		"SELECT 1; BEGIN; SELECT 2; COMMIT;":               "",
		"SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);": "line 2: CREATE INDEX CONCURRENTLY",
		"VACUUM t": "line 1: VACUUM",
	} {
		script, err := sqltext.Parse([]byte(sql))
		if err != nil {
			t.Fatal(err)
		}
		err = outsideTransactions(script)
		if line == "" && err != nil || line != "" && (err == nil || !strings.HasPrefix(err.Error(), line)) {
			t.Errorf("%q gives %v, want %q", sql, err, line)
		}
	}
}

// bareDatabase keeps no markers.
type bareDatabase struct {
	store
	id apply.Identity
}

func (b bareDatabase) Markers(context.Context, apply.Key) ([]apply.Marker, error) {
	return nil, apply.ErrNoMarkers
}
func (b bareDatabase) Identity(context.Context) (apply.Identity, error) { return b.id, nil }

func TestStanding_without_markers_does_not_count_what_another_database_of_the_name_has(t *testing.T) {
	sql := []byte("SELECT 1;")
	script, err := sqltext.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	here := apply.Identity{System: "7", Timeline: 1, Database: "shop", OID: 16400}
	for oid, want := range map[uint32]apply.State{16400: apply.Applied, 16500: apply.Unknown} {
		p := past{records: map[engine.RunID][]engine.Record{}}
		at := here
		at.OID = oid
		p.ran(t, "r-1", script.SHA256, true, apply.Fact{What: apply.Settled, Attempt: apply.Attempt{XID: "10", Identity: at}})
		project := Project{ledger: p, history: p, database: bareDatabase{id: here}}
		s, err := project.Standing(t.Context(), Migration{File: "m.sql", SQL: sql})
		if err != nil || s.State != want || (s.Left == "r-1") != (want == apply.Unknown) {
			t.Errorf("noted of database %d: %+v, error %v; want %s", oid, s, err, want)
		}
		if n, err := project.applied(t.Context(), script.SHA256); err != nil || (n == 1) != (want == apply.Applied) {
			t.Errorf("noted of database %d: %d units are in place, error %v", oid, n, err)
		}
	}
}
