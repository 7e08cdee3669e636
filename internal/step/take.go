package step

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/release"
)

// A BackupRequest is for whom a backup is taken. Run is "manual" outside of a run. DatabaseSize (bytes, 0 when unknown)
// serves the estimate.
type BackupRequest struct {
	App, Environment string
	Run              string
	DatabaseSize     int64
	Say              func(engine.Progress) // never nil
}

// Manual is the run of a backup that no run has taken.
const Manual = "manual"

// name is what the backup is called: who, where, which run, when. Names of apps may hold what names of backups may not.
func (o BackupRequest) name(at time.Time) string {
	form := "150405"
	if o.Run == Manual {
		form = "20060102-150405.000" // two by hand may fall into one second
	}
	plain := strings.NewReplacer("_", "-").Replace(fmt.Sprintf("%s-%s-%s-", o.App, o.Environment, o.Run))
	return plain + at.UTC().Format(form) + ".dump"
}

// maxGlobals is the most that is kept of roles and their settings, in bytes.
const maxGlobals = 64 << 20

// Take takes and verifies one backup. Its manifest is written last; when an error is given, nothing counts as a backup,
// and no dump is left under a final name unless only its manifest could not be written.
func (s Backup) Take(ctx context.Context, o BackupRequest) (backup.Manifest, error) {
	name := o.name(s.Now())
	if err := s.Fits(ctx, o); err != nil {
		return backup.Manifest{}, err
	}
	say := newPace(o.Say, s.Now)
	globals := &limited{left: maxGlobals}
	missing, err := s.Database.Globals(ctx, globals)
	if err != nil {
		return backup.Manifest{}, fmt.Errorf("save the roles: %w", err)
	}
	part, err := s.Store.Put(ctx, name)
	if err != nil {
		return backup.Manifest{}, fmt.Errorf("store in %s: %w", s.Store.Location(), err)
	}
	defer func() { _ = part.Abort() }()
	began := s.Now()
	say.begin("writing the dump", s.estimate(ctx, o))
	t := &tally{w: part, hash: sha256.New(), say: say.bytes, stored: func(n int64) { say.begin("storing the dump", n) }}
	dump, err := s.Database.Dump(ctx, t)
	if err != nil {
		return backup.Manifest{}, fmt.Errorf("dump: %w", err)
	}
	if t.n == 0 {
		return backup.Manifest{}, errors.New("dump: it is empty")
	}
	m := manifest(name, o, dump, t)
	m.Level, m.Took.Dump = s.level(), seconds(s.Now().Sub(began))
	if err := s.verify(ctx, o, say, part, dump, &m); err != nil {
		return m, fmt.Errorf("verify: %w", err)
	}
	m.Stored = backup.StoredOf(part)
	m.Globals = &backup.Attached{Name: name + ".globals.sql", SHA256: release.SumDigest(globals.Bytes()).Hex(),
		Size: int64(globals.Len()), Missing: missing}
	return m, s.publish(ctx, part, m, globals.Bytes())
}

func (s Backup) level() string { return cmp.Or(s.Level, L2) }

// verdict says what a level has proved.
func verdict(level string) string {
	switch level {
	case L1:
		return "read back"
	case L3:
		return "read back, compared and restored"
	}
	return "read back and compared"
}

// verify reads back what the store has, hashes it, and lets the database's own tools read the whole archive, in one
// pass; at level L3 a second pass restores it.
func (s Backup) verify(ctx context.Context, o BackupRequest, say *pace, part backup.Partial, d database.Dump,
	m *backup.Manifest) error {
	began := s.Now()
	say.begin("reading the whole archive back", m.Size)
	err := reread(ctx, part, *m, say, func(r io.Reader) error {
		if s.level() == L1 {
			return nil
		}
		return s.Database.Verify(ctx, r, d)
	})
	m.Took.Verify = seconds(s.Now().Sub(began))
	if err != nil || s.level() != L3 {
		return err
	}
	began = s.Now()
	say.begin("restoring it into a scratch database", m.Size)
	err = reread(ctx, part, *m, say, func(r io.Reader) error { return s.restored(ctx, r, d, s.scratch(o)) })
	m.Took.Restore = seconds(s.Now().Sub(began))
	return err
}

// scratch names the database of level L3: by the run, so that an attempt that goes on finds and drops what a killed one
// has left.
func (s Backup) scratch(o BackupRequest) string {
	if o.Run == Manual {
		return "fairlead_verify_" + s.Now().UTC().Format("20060102_150405")
	}
	name := "fairlead_verify_" + o.Run
	return name[:min(len(name), 63)]
}

// reread reads the object back through look and compares its hash, whatever look has read of it.
func reread(ctx context.Context, part backup.Partial, m backup.Manifest, say *pace, look func(io.Reader) error) error {
	r, err := part.Reread(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	t := &tally{w: io.Discard, hash: sha256.New(), say: say.bytes}
	seen := io.TeeReader(r, t)
	if err := look(seen); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, seen); err != nil {
		return err
	}
	if got := hex.EncodeToString(t.hash.Sum(nil)); got != m.SHA256 || t.n != m.Size {
		return fmt.Errorf("the stored object has %d bytes with the sha256 %s, written were %d with %s", t.n, got,
			m.Size, m.SHA256)
	}
	return nil
}

// restored restores an archive into a database of its own, which is dropped whatever happens.
func (s Backup) restored(ctx context.Context, r io.Reader, d database.Dump, name string) (err error) {
	if s.Scratch == nil {
		return errors.New("nothing is given that could restore it")
	}
	if err := s.Scratch.DropDatabase(ctx, name); err != nil { // of an attempt that was killed
		return err
	}
	if err := s.Scratch.CreateDatabase(ctx, database.NewDatabase{Name: name, Locale: d.Locale, Private: true,
		Comment: "scratch copy of " + d.Database + " by fairlead; may be dropped"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Scratch.DropDatabase(context.WithoutCancel(ctx), name)) }()
	if err := s.Scratch.Restore(ctx, name, r, database.RestoreOptions{Format: d.Format, Dumper: d.Dumper,
		WithoutReplication: true}); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return s.Scratch.Compare(ctx, name, d)
}

// publish makes the dump visible, then what stands beside it; the manifest last.
func (s Backup) publish(ctx context.Context, part backup.Partial, m backup.Manifest, globals []byte) error {
	if err := part.Commit(ctx); err != nil {
		return fmt.Errorf("make it visible: %w", err)
	}
	err := s.describe(ctx, m, globals)
	if d, ok := s.Store.(backup.Deleter); ok && err != nil {
		ctx := context.WithoutCancel(ctx)
		for _, name := range []string{m.Name, m.Globals.Name} {
			if gone := d.Delete(ctx, name, "its manifest could not be written"); gone != nil &&
				!errors.Is(gone, backup.ErrMissing) {
				err = errors.Join(err, gone)
			}
		}
	}
	return err
}

func (s Backup) describe(ctx context.Context, m backup.Manifest, globals []byte) error {
	if err := s.beside(ctx, m.Globals.Name, globals); err != nil {
		return fmt.Errorf("write the roles: %w", err)
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = s.beside(ctx, m.Name+".json", append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// beside writes a small object.
func (s Backup) beside(ctx context.Context, name string, b []byte) error {
	part, err := s.Store.Put(ctx, name)
	if err != nil {
		return err
	}
	defer func() { _ = part.Abort() }()
	if _, err := part.Write(b); err != nil {
		return err
	}
	return part.Commit(ctx)
}

func manifest(name string, o BackupRequest, d database.Dump, t *tally) backup.Manifest {
	return backup.Manifest{Schema: "fairlead.backup/1", Name: name, Run: o.Run, App: o.App, Env: o.Environment,
		SHA256: hex.EncodeToString(t.hash.Sum(nil)), Size: t.n,
		Database: d.Database, System: d.System, Timeline: d.Timeline, Server: d.Server, Dumper: d.Dumper, LSN: d.LSN,
		Snapshot: d.At, Tables: d.Tables, Extensions: d.Extensions, Format: d.Format, Archive: d.Compression,
		DatabaseSize: d.DatabaseSize, Contents: d.Contents, Locale: &d.Locale, Activity: d.Activity}
}

// DumpOf is the dump that a manifest describes.
func DumpOf(m backup.Manifest) database.Dump {
	d := database.Dump{Server: m.Server, Dumper: m.Dumper, System: m.System, Timeline: m.Timeline, Database: m.Database,
		LSN: m.LSN, At: m.Snapshot,
		Tables: m.Tables, Extensions: m.Extensions, Format: m.Format, Compression: m.Archive,
		DatabaseSize: m.DatabaseSize, Contents: m.Contents, Activity: m.Activity}
	if m.Locale != nil {
		d.Locale = *m.Locale
	}
	return d
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// limited keeps what is written, up to a size.
type limited struct {
	bytes.Buffer
	left int
}

// Write refuses what is too much.
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("there are more than %d MB of them", maxGlobals>>20)
	}
	return l.Buffer.Write(p)
}
