package backups

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// A Restoration says which backup goes where. Live means in the place of the configured database, whose present state
// is backed up and kept under another name; Into is then empty.
type Restoration struct {
	Name string
	Into string
	Live bool
}

// Restored is what became of it.
type Restored struct {
	Manifest backup.Manifest `json:"manifest"`
	Database string          `json:"database"` // the configured one
	Into     string          `json:"into"`     // the database that holds the backup now
	Seconds  float64         `json:"seconds"`  // of the restore itself, comparison included
	Present  string          `json:"present,omitempty"`
	Kept     string          `json:"kept,omitempty"` // what the live database before is called now
}

// RestoreBackup restores a backup into a database of its own, compares it with the manifest and, only when asked, puts
// it into the place of the live one. Whatever fails before that last step, the live database is as it was.
func (b *Backups) RestoreBackup(ctx context.Context, r Restoration, say func(engine.Progress)) (Restored, error) {
	if err := b.Configured(); err != nil {
		return Restored{}, err
	}
	m, err := step.ReadManifest(ctx, b.with.Store, r.Name)
	if err != nil {
		return Restored{}, noBackup(r.Name, err)
	}
	facts, err := b.with.Database.Preflight(ctx)
	if err != nil && !errors.Is(err, database.ErrVersion) {
		return Restored{}, notRestored(r.Name, r.Into, err)
	}
	out := Restored{Manifest: m, Database: facts.Database, Into: r.Into}
	if r.Live {
		at := b.with.Now().UTC().Format("20060102_150405")
		out.Into, out.Kept = beside(facts.Database, "_restored_"+at), beside(facts.Database, "_before_"+at)
		present, err := b.TakeBackup(ctx, say)
		if err != nil {
			return out, err
		}
		out.Present = present.Manifest.Name
	}
	if out.Into == facts.Database {
		return out, &fault.Fault{Code: "restore-over-live", What: out.Into + " is the live database",
			Outcome: fault.Misused, Means: "nothing was attempted; production is unchanged",
			Do: []fault.Command{{Line: "fairlead backup restore " + r.Name + " --into " + beside(out.Into, "_restored"),
				Why: "restores beside it"}}}
	}
	if err := b.restore(ctx, m, &out, say); err != nil {
		return out, err
	}
	if !r.Live {
		return out, nil
	}
	say(engine.Progress{Text: "putting " + out.Into + " in the place of " + facts.Database})
	if err := b.with.Database.Swap(ctx, out.Into, out.Kept); err != nil {
		return out, &fault.Fault{Code: "restore-not-swapped",
			What: "the restored database could not take the place of " + facts.Database, Err: err,
			Outcome: fault.Asking,
			Means:   "the backup is whole in " + out.Into + "; the live database should be as it was: look",
			Do: []fault.Command{{Line: "fairlead check", Why: "whether the live database answers"},
				{Line: `psql -l`, Why: "which databases there are"}}}
	}
	out.Into = facts.Database
	return out, nil
}

// restore is everything but the swap.
func (b *Backups) restore(ctx context.Context, m backup.Manifest, out *Restored, say func(engine.Progress)) error {
	local, done, err := b.download(ctx, m, step.Paced(say, b.with.Now, "reading the backup and its hash", m.Size))
	if err != nil {
		return &fault.Fault{Code: "restore-unreadable", What: "the backup cannot be read as it was written", Err: err,
			Outcome: fault.FailedUnchanged,
			Means:   "no database was made; production is unchanged",
			Do:      []fault.Command{{Line: "fairlead backup list", Why: "the others that are kept"}}}
	}
	defer done()
	began := b.with.Now()
	say(engine.Progress{Text: "restoring into " + out.Into})
	if err := b.restoreInto(ctx, m, out.Into, local); err != nil {
		return err
	}
	out.Seconds = float64(b.with.Now().Sub(began).Milliseconds()) / 1000
	return nil
}

// restoreInto makes the database, restores and compares. What it has made and could not fill is dropped.
func (b *Backups) restoreInto(ctx context.Context, m backup.Manifest, into, local string) error {
	d := step.DumpOf(m)
	err := b.with.Database.CreateDatabase(ctx, database.NewDatabase{Name: into, Locale: d.Locale})
	made := err == nil
	if err != nil && !errors.Is(err, database.ErrOccupied) {
		return notRestored(m.Name, into, err)
	}
	o := database.RestoreOptions{Format: m.Format, Dumper: m.Dumper, Owners: true, File: local, Jobs: b.sessions(m),
		Analyze: true}
	err = b.readInto(ctx, m, into, o)
	if err == nil {
		if err = b.with.Database.Compare(ctx, into, d); err != nil {
			err = fmt.Errorf("compare the restored database: %w", err)
		}
	}
	if err != nil && made {
		err = errors.Join(err, b.with.Database.DropDatabase(context.WithoutCancel(ctx), into))
	}
	return notRestored(m.Name, into, err)
}

func (b *Backups) readInto(ctx context.Context, m backup.Manifest, into string, o database.RestoreOptions) error {
	if o.File != "" {
		return b.with.Database.Restore(ctx, into, nil, o)
	}
	return b.read(ctx, m, func(r io.Reader) error { return b.with.Database.Restore(ctx, into, r, o) })
}

// read lets somebody read a backup, reads on to its end, and compares its hash.
func (b *Backups) read(ctx context.Context, m backup.Manifest, by func(io.Reader) error) error {
	r, err := b.with.Store.Open(ctx, m.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	seen := io.TeeReader(r, h)
	if err := by(seen); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, seen); err != nil {
		return err
	}
	return matches(m.SHA256, h.Sum(nil))
}

// download reads the whole backup and compares its hash before anything is made. Where there is room for it here, it is
// kept meanwhile in a file without a name, so that several sessions can restore from it at once; otherwise local is ""
// and the store is read again.
func (b *Backups) download(
	ctx context.Context, m backup.Manifest, heard io.Writer,
) (local string, done func(), err error) {
	var w io.Writer = io.Discard
	done = func() {}
	err = b.read(ctx, m, func(r io.Reader) error {
		if m.Format != database.FormatDirectory { // which is unpacked, so that several sessions read it anyway
			if f := anonymousFile(m.Size); f != nil {
				done, w = func() { f.Close() }, f
				local = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
			}
		}
		_, err := io.Copy(io.MultiWriter(w, heard), r)
		return err
	})
	if err != nil {
		done()
		return "", nil, err
	}
	return local, done, nil
}

func matches(want string, sum []byte) error {
	if got := hex.EncodeToString(sum); got != want {
		return fmt.Errorf("its sha256 is %s, the manifest says %s", got, want)
	}
	return nil
}

func noBackup(name string, err error) error {
	f := &fault.Fault{Code: "backup-missing", What: "there is no backup " + name, Err: err, Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do:    []fault.Command{{Line: "fairlead backup list", Why: "those that are kept"}}}
	if !errors.Is(err, backup.ErrMissing) {
		f.Code, f.What = "restore-unreadable", "the manifest of the backup cannot be read"
	}
	return f
}

// notRestored says what to do by what pg_restore complained of. nil stays nil.
func notRestored(name, into string, err error) error {
	if err == nil {
		return nil
	}
	again := "fairlead backup restore " + name + " --into " + fault.Word(into)
	f := &fault.Fault{Code: "restore-failed", What: "the backup was not restored", Err: err,
		Outcome: fault.FailedUnchanged,
		Means:   "the live database is unchanged; a database that was made for this is dropped again",
		Do:      []fault.Command{{Line: again, Why: "tries again"}}}
	text := err.Error()
	switch {
	case errors.Is(err, database.ErrOccupied):
		f.Code, f.What = "restore-occupied", "the database to restore into is not a new one"
		f.Means = "nothing was restored; production is unchanged"
		f.Do = []fault.Command{{Line: "fairlead backup restore " + name + " --into NEWDB",
			Why: "with the name of a database that does not exist yet"}}
	case strings.Contains(text, "role ") && strings.Contains(text, "does not exist"):
		f.Code = "restore-role"
		f.Do = []fault.Command{{Line: "fairlead backup restore " + name + " --globals > globals.sql",
			Why: "the roles that belong to the backup; read it"},
			{Line: `psql -d postgres -f globals.sql`,
				Why: "makes them (those that exist already give errors that do no harm)"},
			{Line: again, Why: "then again"}}
	}
	return f
}

// Globals gives the roles that belong to a backup, as statements.
func (b *Backups) Globals(ctx context.Context, name string, w io.Writer) error {
	if err := b.Configured(); err != nil {
		return err
	}
	m, err := step.ReadManifest(ctx, b.with.Store, name)
	if err != nil {
		return noBackup(name, err)
	}
	if m.Globals == nil {
		return noBackup(name, fmt.Errorf("%w: it was taken without the roles", backup.ErrMissing))
	}
	r, err := b.with.Store.Open(ctx, m.Globals.Name)
	if err != nil {
		return noBackup(name, err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, m.Globals.Size+1))
	if err != nil {
		return noBackup(name, err)
	}
	sum := sha256.Sum256(text)
	if err := matches(m.Globals.SHA256, sum[:]); err != nil {
		return noBackup(name, err)
	}
	_, err = w.Write(text)
	return err
}

// beside makes a name of a database out of another one, within the server's 63 bytes.
func beside(name, suffix string) string {
	return strings.ToValidUTF8(name[:min(len(name), 63-len(suffix))], "") + suffix
}

// sessions is by how many a backup is restored at once: by those that are configured for its format, or by the cores.
func (b *Backups) sessions(m backup.Manifest) int {
	if b.with.Sessions > 0 && m.Format == database.FormatDirectory {
		return b.with.Sessions
	}
	return max(2, runtime.NumCPU())
}

// roomLeft is what must stay free beside a file of ours.
const roomLeft = 256 << 20

// anonymousFile makes a file for size bytes that has no name and is gone with this process; nil where there is no room
// for it, or no way for a child to open it.
func anonymousFile(size int64) *os.File {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &st); err != nil || int64(st.Bavail)*int64(st.Bsize) < size+roomLeft {
		return nil
	}
	f, err := os.CreateTemp("", ".fairlead-restore-*")
	if err != nil {
		return nil
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil
	}
	return f
}
