package step

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// MaxBackupAge is how old a backup of this run may be when the migration begins.
const MaxBackupAge = 30 * time.Minute

// dumper writes and verifies a dump.
type dumper interface {
	Dump(ctx context.Context, w io.Writer) (database.Dump, error)
	Verify(ctx context.Context, r io.Reader, d database.Dump) error
	Globals(ctx context.Context, w io.Writer) ([]string, error)
}

// restorer restores a dump into a database of its own, for level L3.
type restorer interface {
	CreateDatabase(ctx context.Context, n database.NewDatabase) error
	Restore(ctx context.Context, name string, r io.Reader, o database.RestoreOptions) error
	Compare(ctx context.Context, name string, d database.Dump) error
	DropDatabase(ctx context.Context, name string) error
}

// The levels of verification. Each includes the one before.
const (
	L1 = "L1" // the stored object reads back with the hash that was taken while it was written
	L2 = "L2" // the whole archive is read; its contents and its rows are those of its snapshot
	L3 = "L3" // it is restored into a scratch database, whose contents and rows are those of its snapshot
)

// Backup takes a dump, hashed while it is written, reads it back whole, compares it with the catalog of its own
// snapshot, and only then makes it visible, with the server's globals and its manifest beside it. Level "" is L2; L3
// needs Scratch.
type Backup struct {
	Database dumper
	Scratch  restorer
	Store    backup.Store
	Level    string
	Now      func() time.Time

	Workspace *Workspace // nil where a dump goes into the store as it comes
}

// BackedUp is the evidence of Backup.
type BackedUp struct {
	Manifest backup.Manifest `json:"manifest"`
	Place    string          `json:"place"`
}

// Kind names the evidence.
func (BackedUp) Kind() engine.Kind { return "backed-up/1" }

// String says what was taken.
func (b BackedUp) String() string {
	m := b.Manifest
	return fmt.Sprintf("%s, %.1f MB, %d tables, sha256 %s, %s (%s)", m.Name, float64(m.Size)/1e6, len(m.Tables),
		m.SHA256[:12], verdict(m.Level), m.Level)
}

// Spec declares the step.
func (Backup) Spec() engine.Spec {
	return engine.Spec{Name: "backup", Title: "Take and verify a backup", Effect: engine.Repeatable,
		Proves: BackedUp{}.Kind(),
		Runbook: []string{`pg_dump --format=custom --file=backup.dump "$PROD_DB_URL"`,
			"pg_restore --file=/dev/null backup.dump"}}
}

// TakenKind is the kind of the fact noted once a backup is visible.
const TakenKind engine.Kind = "backup-visible/1"

// Probe finds the backup that an earlier attempt of this run has taken, if it is young enough and still reads back as
// it was written.
func (s Backup) Probe(ctx context.Context, in engine.Input) (engine.Observation, error) {
	for i := len(in.Facts) - 1; i >= 0; i-- {
		var m backup.Manifest
		if in.Facts[i].Kind != TakenKind || json.Unmarshal(in.Facts[i].Body, &m) != nil {
			continue
		}
		if age := s.Now().Sub(m.Snapshot); age > MaxBackupAge {
			return engine.Observation{State: engine.NotDone, Because: fmt.Sprintf("the backup %s is %s old", m.Name,
				age.Round(time.Minute))}, nil
		}
		if err := backup.Reread(ctx, s.Store, m); err != nil {
			return engine.Observation{State: engine.NotDone, Because: fmt.Sprintf("the backup %s: %v", m.Name, err)},
				nil
		}
		return engine.Observation{State: engine.Done, Evidence: BackedUp{Manifest: m, Place: s.Store.Location()},
			Because: "the backup " + m.Name + " reads back as written"}, nil
	}
	return engine.Observation{State: engine.NotDone, Because: "this run has no backup yet"}, nil
}

// Run takes the backup. Whatever fails, no object is left under a final name.
func (s Backup) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	m, err := s.Take(ctx, BackupRequest{App: in.Terms.App, Environment: in.Terms.Environment, Run: in.Ticket.Run,
		DatabaseSize: sizeOf(in.Proofs), Say: in.Say})
	if err != nil {
		return nil, &fault.Fault{Code: "backup-failed", What: "the backup was not taken", Err: fault.MarkUntouched(err),
			Means: "nothing was migrated; production is unchanged",
			Do: []fault.Command{{Line: "fairlead check", Why: "asks the database and its programs again"},
				again(in)}}
	}
	if err := in.Note(ctx, engine.NewFact(TakenKind, m)); err != nil {
		return nil, fault.MarkUntouched(err)
	}
	return BackedUp{Manifest: m, Place: s.Store.Location()}, nil
}

// sizeOf is how large the database was when it was checked, 0 when that is not known.
func sizeOf(p engine.Proofs) int64 {
	c, err := engine.Recall[Checked](p)
	if err != nil || c.Database == nil {
		return 0
	}
	return c.Database.Size
}

// NoBackup stands in the place of Backup where somebody decided to migrate without one. It does nothing but write that
// down.
type NoBackup struct {
	afresh
	Reason string
	By     string
}

// NotBackedUp is the evidence of NoBackup.
type NotBackedUp struct {
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// Kind names the evidence.
func (NotBackedUp) Kind() engine.Kind { return "not-backed-up/1" }

// String says who decided and why.
func (n NotBackedUp) String() string { return "NO BACKUP, decided by " + n.By + ": " + n.Reason }

// Spec declares the step. Its name stands in what is approved.
func (NoBackup) Spec() engine.Spec {
	return engine.Spec{Name: "no-backup", Title: "Go on without a backup", Effect: engine.ReadsOnce,
		Proves: NotBackedUp{}.Kind(), Runbook: []string{"# no backup is taken: somebody decided so"}}
}

// Run writes the decision down.
func (s NoBackup) Run(context.Context, engine.Input) (engine.Evidence, error) {
	return NotBackedUp{Reason: s.Reason, By: s.By}, nil
}

// protection is the evidence that must stand before a migration.
func protection(bare bool) engine.Kind {
	if bare {
		return NotBackedUp{}.Kind()
	}
	return BackedUp{}.Kind()
}

// AgainKey names a migration that a run applies once more on purpose.
func AgainKey(sha256, run string) string { return sha256 + " again by " + run }
