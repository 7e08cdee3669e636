package step

import (
	"testing"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

func TestMayHaveMigrated_counts_a_migration_whose_end_nobody_saw(t *testing.T) {
	rec := func(v engine.Verdict, changed bool) engine.Record {
		return engine.Record{Step: "migrate", Verdict: v, Changed: changed}
	}
	for claim, c := range map[string]struct {
		records []engine.Record
		want    bool
	}{
		"nothing happened":         {nil, false},
		"it failed as a whole":     {[]engine.Record{rec(engine.Began, false), rec(engine.Failed, false)}, false},
		"it was in place already":  {[]engine.Record{rec(engine.Began, false), rec(engine.Proven, false)}, false},
		"it was applied":           {[]engine.Record{rec(engine.Began, false), rec(engine.Proven, true)}, true},
		"it is unclear":            {[]engine.Record{rec(engine.Began, false), rec(engine.Unclear, true)}, true},
		"its client was killed":    {[]engine.Record{rec(engine.Began, false)}, true},
		"another step was changed": {[]engine.Record{{Step: "deploy", Verdict: engine.Proven, Changed: true}}, false},
	} {
		if got := MayHaveMigrated(c.records); got != c.want {
			t.Errorf("%s: got %v", claim, got)
		}
	}
}

func TestGivenUp_says_changed_only_where_something_may_have_been_changed(t *testing.T) {
	rec := func(step engine.Name, v engine.Verdict, changed bool) engine.Record {
		return engine.Record{Run: "r-1", Step: step, Verdict: v, Changed: changed}
	}
	opened := engine.Record{Run: "r-1", Verdict: engine.Opened}
	for claim, c := range map[string]struct {
		records  []engine.Record
		outcome  fault.Outcome
		migrated bool
	}{
		"nothing was begun": {[]engine.Record{opened, rec("prefetch", engine.Began, false)},
			fault.FailedUnchanged, false},
		"the migration went back whole": {[]engine.Record{opened, rec("migrate", engine.Began, false),
			rec("migrate", engine.Failed, false)}, fault.FailedUnchanged, false},
		"a migration nobody saw end": {[]engine.Record{opened, rec("migrate", engine.Began, false)}, fault.Asking,
			true},
		"a rollout nobody saw end": {[]engine.Record{opened, rec("deploy", engine.Began, false)}, fault.Asking,
			false},
		"a rollout that failed in between": {[]engine.Record{opened, rec("deploy", engine.Began, false),
			rec("deploy", engine.Failed, true)}, fault.Asking, false},
	} {
		got := GivenUp(c.records, engine.Holder{}, "")
		if got.Run != "r-1" || got.Outcome != c.outcome || got.Migrated != c.migrated || got.Means == "" {
			t.Errorf("%s: got %+v", claim, got)
		}
	}
}
