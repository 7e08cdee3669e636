package applied

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// journal is a ledger with runs that have noted what they applied.
type journal struct {
	engine.Ledger
	engine.History
	runs    []engine.Summary
	records map[engine.RunID][]engine.Record
}

func (j journal) Runs(context.Context, int) ([]engine.Summary, error) { return j.runs, nil }
func (j journal) Records(_ context.Context, run engine.RunID) ([]engine.Record, error) {
	return j.records[run], nil
}

// ran is a run that opened with a migration and noted facts.
func (j *journal) ran(t *testing.T, run engine.RunID, migration string, migrated bool, facts ...apply.Fact) {
	t.Helper()
	line := func(v engine.Verdict, kind engine.Kind, e any) {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		j.records[run] = append(j.records[run], engine.Record{Run: run, Verdict: v, Kind: kind, Evidence: raw,
			At: time.Unix(int64(len(j.runs)), 0)})
	}
	line(engine.Opened, "", engine.Opening{Terms: engine.Terms{Migration: &release.Migration{SHA256: migration}}})
	for _, f := range facts {
		line(engine.Noted, "apply/1", f)
	}
	j.runs = append([]engine.Summary{{Run: run, Action: engine.Deploy, Outcome: fault.Deployed, Migrated: migrated}},
		j.runs...)
}

func TestNoted_gives_what_earlier_runs_of_the_migration_noted_oldest_first(t *testing.T) {
	p := journal{records: map[engine.RunID][]engine.Record{}}
	fact := func(what apply.What, unit int, xid string) apply.Fact {
		return apply.Fact{What: what, Attempt: apply.Attempt{Unit: unit, XID: xid}}
	}
	p.ran(t, "r-1", "m", true, fact(apply.Attempted, 0, "10"), fact(apply.CommitSent, 0, "10"),
		fact(apply.Settled, 0, "10"))
	p.ran(t, "r-2", "other", true, fact(apply.Settled, 0, "11"))
	p.ran(t, "r-3", "m", false, fact(apply.Settled, 1, "12")) // it says that it migrated nothing
	p.ran(t, "r-4", "m", true, fact(apply.Attempted, 1, "13"))
	here := New(Parts{Ledger: p, History: p})
	all, err := here.noted(t.Context(), "m", "")
	if err != nil || len(all) != 4 || all[0].Run != "r-1" || all[3].Run != "r-4" || all[2].What != apply.Settled ||
		all[0].At.IsZero() && all[3].At.IsZero() {
		t.Errorf("noted %+v, error %v", all, err)
	}
	if all, err := here.noted(t.Context(), "m", "r-4"); err != nil || len(all) != 3 {
		t.Errorf("but r-4: noted %+v, error %v", all, err)
	}
}

// bareDatabase keeps no markers.
type bareDatabase struct {
	Database
	id apply.Identity
}

func (b bareDatabase) Markers(context.Context, apply.Key) ([]apply.Marker, error) {
	return nil, apply.ErrNoMarkers
}
func (b bareDatabase) Identity(context.Context) (apply.Identity, error) { return b.id, nil }

func TestMigrationStatus_without_markers_does_not_count_what_another_database_of_the_name_has(t *testing.T) {
	sql := []byte("SELECT 1;")
	script, err := sqltext.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	here := apply.Identity{System: "7", Timeline: 1, Database: "shop", OID: 16400}
	for oid, want := range map[uint32]apply.State{16400: apply.Applied, 16500: apply.Unknown} {
		p := journal{records: map[engine.RunID][]engine.Record{}}
		at := here
		at.OID = oid
		p.ran(t, "r-1", script.SHA256, true, apply.Fact{What: apply.Settled,
			Attempt: apply.Attempt{XID: "10", Identity: at}})
		migrations := New(Parts{Ledger: p, History: p, Database: bareDatabase{id: here}})
		s, err := migrations.MigrationStatus(t.Context(), step.Migration{File: "m.sql", SQL: sql})
		if err != nil || s.State != want || (s.Left == "r-1") != (want == apply.Unknown) {
			t.Errorf("noted of database %d: %+v, error %v; want %s", oid, s, err, want)
		}
		if n, err := migrations.InPlace(t.Context(), step.Migration{SQL: sql}); err != nil ||
			(n == 1) != (want == apply.Applied) {
			t.Errorf("noted of database %d: %d units are in place, error %v", oid, n, err)
		}
	}
}
