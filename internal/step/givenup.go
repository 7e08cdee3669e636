package step

import (
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// GivenUp is how an open run ends when a rollback closes it and follows it, from its records. It has changed nothing
// when none of its steps that change production was begun, or each that was is known to have changed nothing.
func GivenUp(records []engine.Record, by engine.Holder, reason string) engine.Closing {
	c := engine.Closing{Run: records[0].Run, Outcome: fault.Asking, By: by, Reason: reason,
		Migrated: MayHaveMigrated(records)}
	switch {
	case c.Migrated:
		c.Means = "closed by a rollback; the migration is applied, in whole or in part, and stays"
	case touched(records, Deploy{}.Spec().Name):
		c.Means = "closed by a rollback; services may have been replaced; the schema is unchanged by this run"
	default:
		c.Outcome, c.Means = fault.FailedUnchanged, "closed by a rollback before it had changed anything"
	}
	return c
}

// MayHaveMigrated tells whether a run changed the schema or may have: a migration that began and was not seen to end
// counts.
func MayHaveMigrated(records []engine.Record) bool { return touched(records, Migrate{}.Spec().Name) }

func touched(records []engine.Record, name engine.Name) bool {
	changed, open := false, false
	for _, r := range records {
		if r.Step != name {
			continue
		}
		changed = changed || r.Changed
		switch r.Verdict {
		case engine.Began, engine.Unclear:
			open = true
		case engine.Proven, engine.Failed:
			open = false
		}
	}
	return changed || open
}
