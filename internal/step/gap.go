package step

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// pointInTime says how far a database has gone since a snapshot, and marks the moment.
type pointInTime interface {
	Since(ctx context.Context, m database.Mark) (database.Gap, error)
	RestorePoint(ctx context.Context, name string) (database.RestorePoint, error)
}

// PreMigration is what stood fast immediately before a migration was applied: what a restore of the backup would lose,
// and the place in the server's log to which a recovery could go.
type PreMigration struct {
	Gap   database.Gap          `json:"gap"`
	Point database.RestorePoint `json:"point"`
}

// preMigrationKind is the kind of its fact.
const preMigrationKind engine.Kind = "eve/1"

// preMigration looks, says what it sees, and notes it before anything is applied; an attempt that goes on keeps what
// the first one noted. Nil without a pointInTime or a backup. That it cannot be measured stops nothing, and is said.
func (s Migrate) preMigration(ctx context.Context, in engine.Input) (*PreMigration, error) {
	b, err := engine.Recall[BackedUp](in.Proofs)
	if err != nil || s.PointInTime == nil {
		return nil, nil
	}
	for _, f := range in.Facts {
		var e PreMigration
		if f.Kind == preMigrationKind && json.Unmarshal(f.Body, &e) == nil {
			return &e, nil
		}
	}
	var e PreMigration
	if e.Gap, err = s.PointInTime.Since(ctx, MarkOf(b.Manifest)); err != nil {
		in.Say(engine.Progress{Text: fmt.Sprintf("what was written since the backup could not be measured: %v", err)})
	} else {
		in.Say(engine.Progress{Text: Lost(e.Gap) + "; " + e.Gap.Archive})
	}
	if e.Point, err = s.PointInTime.RestorePoint(ctx, "fairlead "+in.Ticket.Run); err != nil {
		e.Point = database.RestorePoint{Why: err.Error()}
	}
	if e.Point.Name != "" {
		in.Say(engine.Progress{Text: "restore point " + e.Point.Name + " at " + e.Point.LSN})
	}
	return &e, fault.MarkUntouched(in.Note(ctx, engine.NewFact(preMigrationKind, e)))
}

// MarkOf is the moment of a backup's snapshot.
func MarkOf(m backup.Manifest) database.Mark {
	return database.Mark{At: m.Snapshot, LSN: m.LSN, Timeline: m.Timeline, Activity: m.Activity}
}

// Lost says what a restore of a backup would lose, in one sentence.
func Lost(g database.Gap) string {
	age := time.Duration(g.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	if age > time.Minute {
		age = age.Round(time.Second)
	}
	s := fmt.Sprintf("the backup's snapshot is %s old; about %d rows were written since", age, g.Rows)
	names := slices.SortedFunc(maps.Keys(g.Tables), func(a, b string) int {
		if g.Tables[a] != g.Tables[b] {
			return int(min(max(g.Tables[b]-g.Tables[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	var most []string
	for _, n := range names[:min(3, len(names))] {
		most = append(most, fmt.Sprintf("%s %d", n, g.Tables[n]))
	}
	if len(most) > 0 {
		s += " (" + strings.Join(most, ", ") + ")"
	}
	return s
}

// RestoreEstimate says how long a restore of a backup may take: as measured when it was verified by restoring it, else
// three times the dump.
func RestoreEstimate(m backup.Manifest) string {
	if t := m.Took.Restore; t > 0 {
		return fmt.Sprintf("restoring it took %.0f s when it was verified", max(1, t))
	}
	if t := m.Took.Dump; t > 0 {
		return fmt.Sprintf("restoring it takes about %.0f s (an estimate: three times the dump)", max(1, 3*t))
	}
	return "how long restoring it takes is not known"
}
