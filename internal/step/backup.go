package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// MaxBackupAge is how old a backup of this run may be when the migration begins (research: 30 minutes).
const MaxBackupAge = 30 * time.Minute

// dumper writes and verifies a dump.
type dumper interface {
	Dump(ctx context.Context, w io.Writer) (database.Dump, error)
	Verify(ctx context.Context, r io.Reader, d database.Dump) error
}

// Backup takes a dump, hashed while it is written, reads it back whole, compares it with the catalog of its own snapshot, and only
// then makes it visible, with its manifest beside it.
type Backup struct {
	Database dumper
	Store    backup.Store
	Now      func() time.Time
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
	return fmt.Sprintf("%s, %.1f MB, %d tables, sha256 %s, read back and compared (%s)", b.Manifest.Name,
		float64(b.Manifest.Size)/1e6, len(b.Manifest.Tables), b.Manifest.SHA256[:12], b.Manifest.Level)
}

// Spec declares the step.
func (Backup) Spec() engine.Spec {
	return engine.Spec{Name: "backup", Title: "Take and verify a backup", Effect: engine.Repeatable, Proves: BackedUp{}.Kind(),
		Runbook: []string{`pg_dump --format=custom --file=backup.dump "$PROD_DB_URL"`, "pg_restore --file=/dev/null backup.dump"}}
}

// taken is the fact noted once a backup is visible.
const takenKind engine.Kind = "backup-visible/1"

// Probe finds the backup that an earlier attempt of this run has taken, if it is young enough and still reads back as it was written.
func (s Backup) Probe(ctx context.Context, in engine.Input) (engine.Sighting, error) {
	for i := len(in.Facts) - 1; i >= 0; i-- {
		var m backup.Manifest
		if in.Facts[i].Kind != takenKind || json.Unmarshal(in.Facts[i].Body, &m) != nil {
			continue
		}
		if age := s.Now().Sub(m.Snapshot); age > MaxBackupAge {
			return engine.Sighting{State: engine.Absent, Because: fmt.Sprintf("the backup %s is %s old", m.Name, age.Round(time.Minute))}, nil
		}
		if err := s.rereads(ctx, m); err != nil {
			return engine.Sighting{State: engine.Absent, Because: fmt.Sprintf("the backup %s: %v", m.Name, err)}, nil
		}
		return engine.Sighting{State: engine.Present, Evidence: BackedUp{Manifest: m, Place: s.Store.Place()}, Because: "the backup " + m.Name + " reads back as written"}, nil
	}
	return engine.Sighting{State: engine.Absent, Because: "this run has no backup yet"}, nil
}

func (s Backup) rereads(ctx context.Context, m backup.Manifest) error {
	r, err := s.Store.Open(ctx, m.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.SHA256 {
		return fmt.Errorf("its sha256 is %s, it was %s", got[:12], m.SHA256[:12])
	}
	return nil
}

// Run takes the backup. Whatever fails, no object is left under a final name.
func (s Backup) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	name := fmt.Sprintf("%s-%s-%s-%s.dump", in.Terms.App, in.Terms.Environment, in.Ticket.Run, s.Now().UTC().Format("150405"))
	m, err := s.take(ctx, in, name)
	if err != nil {
		return nil, &fault.Fault{Code: "backup-failed", What: "the backup was not taken", Err: fault.MarkUntouched(err),
			Means: "nothing was migrated; production is unchanged", Do: []fault.Command{{Line: "fairlead check", Why: "asks the database and its programs again"},
				again(in)}}
	}
	if err := in.Note(ctx, engine.NewFact(takenKind, m)); err != nil {
		return nil, fault.MarkUntouched(err)
	}
	return BackedUp{Manifest: m, Place: s.Store.Place()}, nil
}

func (s Backup) take(ctx context.Context, in engine.Input, name string) (backup.Manifest, error) {
	part, err := s.Store.Put(ctx, name)
	if err != nil {
		return backup.Manifest{}, fmt.Errorf("store in %s: %w", s.Store.Place(), err)
	}
	defer func() { _ = part.Abort() }()
	tally := &tally{w: part, hash: sha256.New(), say: in.Say}
	dump, err := s.Database.Dump(ctx, tally)
	if err != nil {
		return backup.Manifest{}, fmt.Errorf("dump: %w", err)
	}
	m := manifest(name, in, dump, tally)
	if err := s.verify(ctx, in, part, dump, m); err != nil {
		return m, fmt.Errorf("verify: %w", err)
	}
	if err := part.Commit(ctx); err != nil {
		return m, fmt.Errorf("make it visible: %w", err)
	}
	return m, s.describe(ctx, m)
}

// verify reads back what the store has, hashes it, and lets the database's own tools read the whole archive, in one pass.
func (s Backup) verify(ctx context.Context, in engine.Input, part backup.Partial, d database.Dump, m backup.Manifest) error {
	in.Say(engine.Progress{Text: "reading the whole archive back"})
	r, err := part.Reread(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	seen := io.TeeReader(r, h)
	if err := s.Database.Verify(ctx, seen, d); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, seen); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.SHA256 {
		return fmt.Errorf("the stored object's sha256 is %s, written was %s", got, m.SHA256)
	}
	return nil
}

// describe puts the manifest beside the backup, after the verdict.
func (s Backup) describe(ctx context.Context, m backup.Manifest) error {
	part, err := s.Store.Put(ctx, m.Name+".json")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	defer func() { _ = part.Abort() }()
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if _, err := part.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return part.Commit(ctx)
}

func manifest(name string, in engine.Input, d database.Dump, t *tally) backup.Manifest {
	return backup.Manifest{Schema: "fairlead.backup/1", Name: name, Run: in.Ticket.Run, SHA256: hex.EncodeToString(t.hash.Sum(nil)), Size: t.n,
		Level: "L2", Database: d.Database, System: d.System, Timeline: d.Timeline, Server: d.Server, Dumper: d.Dumper, LSN: d.LSN,
		Snapshot: d.At, Tables: d.Tables, Extensions: d.Extensions}
}

// tally hashes and counts what passes, and tells about it once per mebibyte.
type tally struct {
	w    io.Writer
	hash hash.Hash
	n    int64
	told int64
	say  func(engine.Progress)
}

// Write passes on, hashes and counts.
func (t *tally) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.hash.Write(p[:n])
	t.n += int64(n)
	if t.n-t.told >= 1<<20 {
		t.told = t.n
		t.say(engine.Progress{Text: "bytes written", Done: t.n})
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if errors.Is(err, io.ErrShortWrite) {
		err = fmt.Errorf("the store took %d of %d bytes: %w", n, len(p), err)
	}
	return n, err
}
