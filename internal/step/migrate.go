package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/migrator"
	"fairlead/internal/sqltext"
)

// Migrate applies the migration exactly once: the only step that must never run twice.
type Migrate struct {
	Server        apply.Server
	Recovery      apply.Recovery
	Script        sqltext.Script // with its SQL attached
	Clock         apply.Clock
	PointInTime   pointInTime // nil measures nothing
	Again         bool        // applied once more on purpose: only markers of this very run count
	WithoutBackup bool        // somebody decided to go without a backup: NotBackedUp stands in its place
	// Earlier gives what earlier runs than the given one have noted of this migration; nil where markers tell.
	Earlier func(context.Context, engine.RunID) ([]apply.Fact, error)
	History toolReader // what the tool that made the file has written down; nil where there is none
}

// Migrated is the evidence of Migrate. Here counts the units that this run committed; By names the run that applied the
// last one.
type Migrated struct {
	SHA256 string `json:"sha256"`
	Units  int    `json:"units"`
	Here   int    `json:"here"`
	By     string `json:"by"`
	// the parser did not know the file; it went whole, in one transaction
	Whole        bool          `json:"whole,omitempty"`
	PreMigration *PreMigration `json:"eve,omitempty"`
	// what the history of the tool that made the file says of it now
	Tool *migrator.Reading `json:"tool,omitempty"`

	Command *Ran `json:"command,omitempty"` // of a migration that is a command
}

// Kind names the evidence.
func (Migrated) Kind() engine.Kind { return "migrated/1" }

// Changed tells whether this run committed a unit.
func (m Migrated) Changed() bool { return m.Here > 0 }

// String says what is in place and by whom.
func (m Migrated) String() string {
	switch {
	case m.Command != nil:
		return m.Command.sentence(m)
	case m.Units == 0:
		return "nothing to apply"
	case m.Here == 0 && m.By == "" && m.Tool != nil:
		return fmt.Sprintf("already applied by %s, not by fairlead: %s", m.Tool.Tool, m.Tool.Says)
	case m.Here == 0:
		return fmt.Sprintf("already applied by run %s, %s%s", m.By, count(m.Units, "unit"), m.sayTool())
	}
	text := fmt.Sprintf("applied, %d of %s by this run, sha256 %s%s", m.Here, count(m.Units, "unit"), m.SHA256[:12],
		m.sayTool())
	if m.Whole {
		text += ", sent whole and not understood"
	}
	return text
}

// Spec declares the step.
func (s Migrate) Spec() engine.Spec {
	return engine.Spec{Name: "migrate", Title: "Apply the migration", Effect: engine.Once, Mutates: engine.Schema,
		Needs: []engine.Kind{protection(s.WithoutBackup)}, Proves: Migrated{}.Kind(),
		Runbook: []string{`psql "$PROD_DB_URL" -v ON_ERROR_STOP=1 -f migration.sql`}}
}

// applyKind is the kind of the facts that the machine notes.
const applyKind engine.Kind = "apply/1"

// Probe decides from markers, transaction status and catalog how much is in place.
func (s Migrate) Probe(ctx context.Context, in engine.Input) (engine.Observation, error) {
	j, err := s.job(ctx, in)
	if err != nil {
		return engine.Observation{}, err
	}
	v, err := apply.Decide(ctx, s.Server, s.Recovery, j)
	if err != nil {
		return engine.Observation{}, err
	}
	if m, ok, err := s.appliedByTool(ctx, v); ok || err != nil {
		return engine.Observation{State: engine.Done, Because: m.String(), Evidence: m}, err
	}
	switch v.State {
	case apply.Applied:
		e := s.withToolHistory(ctx, s.evidence(v.Here, v.Next, v.By))
		return engine.Observation{State: engine.Done, Because: e.String(), Evidence: e}, nil
	case apply.NotApplied:
		return engine.Observation{State: engine.NotDone, Because: v.Why}, nil
	case apply.Partial:
		return engine.Observation{State: engine.NotDone, Because: v.Why, Changed: v.IntendedBy == in.Ticket.Run ||
			v.Here > 0}, nil
	}
	return engine.Observation{State: engine.Unknown, Because: v.Why}, nil
}

// Run applies what is not in place.
func (s Migrate) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	before, err := s.preMigration(ctx, in)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, in)
	if err != nil {
		return nil, fault.MarkUntouched(err)
	}
	r, err := apply.Run(ctx, s.Server, s.Recovery, j)
	if err == nil {
		e := s.withToolHistory(ctx, s.evidence(r.Here, r.Applied, r.By))
		e.PreMigration = before
		return e, nil
	}
	var f *apply.Failure
	switch {
	case errors.Is(err, fence.ErrOvertaken):
		return nil, err
	case errors.As(err, &f) && f.Result.Here == 0 && sent(j.Facts, in.Ticket.Run):
		return nil, &fault.Fault{Code: "migration-failed", What: "the migration could not go on",
			Means: "this attempt changed nothing; what earlier ones of this run applied stays" + unstarted(in),
			Err:   fault.MarkUntouched(err), Do: tryAgain(in)}
	case errors.As(err, &f) && f.Result.Here == 0:
		return nil, &fault.Fault{Code: "migration-failed", What: "the migration failed and was rolled back as a whole",
			Means: "production is unchanged" + unstarted(in), Err: fault.MarkUntouched(err), Do: tryAgain(in)}
	case errors.As(err, &f):
		return nil, &fault.Fault{Code: "migration-partial", What: fmt.Sprintf("the migration stopped after %d of %s",
			f.Result.Applied, count(len(s.Script.Units), "unit")),
			Means: "production is changed: these units are in place" + unstarted(in), Outcome: fault.Asking, Err: err,
			Do: []fault.Command{{Line: "fairlead resume", Why: "goes on with the unit that failed"}, giveUp(in)}}
	}
	return nil, &fault.Fault{Code: "migration-unknown", What: "it is not known whether the migration is in place",
		Means: "production is unknown" + unstarted(in), Outcome: fault.Unknown, Err: err,
		Do: []fault.Command{{Line: "fairlead resume", Why: "asks the server again"}}}
}

// sent tells whether an attempt of a run has told the server to commit something, or has begun what can be in no
// transaction.
func sent(facts []apply.Fact, run string) bool {
	return slices.ContainsFunc(facts, func(f apply.Fact) bool {
		return f.Run == run && (f.What == apply.CommitSent || f.What == apply.Attempted && f.Attempt.XID == "")
	})
}

func (s Migrate) evidence(here, applied int, by string) Migrated {
	return Migrated{SHA256: s.Script.SHA256, Units: applied, Here: here, By: by,
		Whole: slices.ContainsFunc(s.Script.Units, func(u sqltext.Unit) bool { return u.Kind == sqltext.Undivided })}
}

// keyOf names what is applied. Once more on purpose is a thing of its own, named after its run, so that the first
// markers stay.
func keyOf(in engine.Input, sha256 string, again bool) apply.Key {
	k := apply.Key{App: in.Ticket.App, Environment: in.Ticket.Environment, Migration: sha256}
	if again {
		k.Migration = AgainKey(k.Migration, in.Ticket.Run)
	}
	return k
}

func (s Migrate) job(ctx context.Context, in engine.Input) (apply.Job, error) {
	j := apply.Job{
		Key:    keyOf(in, s.Script.SHA256, s.Again),
		Ticket: in.Ticket, Units: s.Script.Units, Session: map[int]string{}, Clock: s.Clock,
		Note: func(ctx context.Context, f apply.Fact) error { return in.Note(ctx, engine.NewFact(applyKind, f)) },
		Say: func(done, total int, text string) {
			in.Say(engine.Progress{Text: text, Done: int64(done), Total: int64(total), Line: apply.Waits(text)})
		},
	}
	for _, st := range s.Script.Statements {
		if st.Session {
			j.Session[st.Index] = st.SQL
		}
	}
	j.Expected = expected(in, s.WithoutBackup)
	if s.Earlier != nil && !s.Again {
		earlier, err := s.Earlier(ctx, engine.RunID(in.Ticket.Run))
		if err != nil {
			return j, err
		}
		j.Facts = earlier
	}
	for _, f := range in.Facts {
		var a apply.Fact
		if f.Kind == applyKind && json.Unmarshal(f.Body, &a) == nil {
			a.Run = in.Ticket.Run
			j.Facts = append(j.Facts, a)
		}
	}
	return j, nil
}

// AppliedFacts gives what a run has noted of its applying.
func AppliedFacts(records []engine.Record) []apply.Fact {
	var all []apply.Fact
	for _, r := range records {
		var a apply.Fact
		if r.Verdict == engine.Noted && r.Kind == applyKind && json.Unmarshal(r.Evidence, &a) == nil {
			a.Run, a.At = string(r.Run), r.At
			all = append(all, a)
		}
	}
	return all
}

// expected is the server that was backed up or, where somebody decided to go without a backup, the one that was asked;
// nil when nothing is expected.
func expected(in engine.Input, bare bool) *apply.Identity {
	if b, err := engine.Recall[BackedUp](in.Proofs); err == nil {
		return &apply.Identity{System: b.Manifest.System, Timeline: b.Manifest.Timeline, Database: b.Manifest.Database}
	}
	if c, err := engine.Recall[Checked](in.Proofs); err == nil && bare && c.Database != nil {
		return &apply.Identity{System: c.Database.System, Timeline: c.Database.Timeline, Database: c.Database.Database}
	}
	return nil
}

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
