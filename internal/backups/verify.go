package backups

import (
	"context"
	"errors"
	"io"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// Verified is what a verification has proved.
type Verified struct {
	Manifest backup.Manifest `json:"manifest"`
	Level    string          `json:"level"`    // that was proved now
	Recorded bool            `json:"recorded"` // the run that took it has recorded this very backup
	Notes    []string        `json:"notes,omitempty"`
}

// VerifyBackup reads a backup back at a level; "" is the highest that is possible here: L2, or L1 of one that is
// encrypted and whose key is not here. It changes nothing and takes no lock.
func (b *Backups) VerifyBackup(ctx context.Context, name, level string, say func(engine.Progress)) (Verified, error) {
	if b.with.Store == nil {
		return Verified{}, noStore()
	}
	m, err := step.ReadManifest(ctx, b.with.Store, name)
	if _, ok := fault.Find(err); ok {
		return Verified{}, storeUnread(err)
	}
	if err != nil {
		return Verified{}, noBackup(name, err)
	}
	out := Verified{Manifest: m, Level: step.L1}
	if err := b.compareRecord(ctx, m, &out); err != nil {
		return out, damaged(name, err)
	}
	say(engine.Progress{Text: "reading back what the store holds"})
	if err := backup.Reread(ctx, b.with.Store, m); err != nil {
		return out, damaged(name, err)
	}
	if err := b.compareRoles(ctx, m, &out); err != nil {
		return out, damaged(name, err)
	}
	if level == step.L1 {
		return out, nil
	}
	err = b.readWhole(ctx, m, say)
	switch {
	case err == nil:
		out.Level = step.L2
		return out, nil
	case level == "" && (errors.Is(err, backup.ErrSealed) || errors.Is(err, errNoReader)):
		out.Notes = append(out.Notes, "only its hash was compared (L1): "+err.Error())
		return out, nil
	case errors.Is(err, backup.ErrSealed):
		return out, &fault.Fault{Code: "backup-sealed", What: name + " is encrypted, and its key is not here", Err: err,
			Outcome: fault.Refused,
			Means:   "its hash is right, nothing more is known; production is unchanged",
			Do: []fault.Command{{Line: "fairlead backup verify " + name + " --level L1",
				Why: "compares what the store holds, without a key"},
				{Line: "backup: {encryption: {identity: …}}", Why: "in fairlead.yaml, where the key is"}}}
	}
	return out, damaged(name, err)
}

// errNoReader: nothing is configured that could read an archive.
var errNoReader = errors.New("the configuration names no database, so nothing here reads archives")

// compareRecord compares the manifest with the ledger, where that can be read.
func (b *Backups) compareRecord(ctx context.Context, m backup.Manifest, out *Verified) error {
	if m.Run == step.Manual {
		return nil
	}
	records, err := b.with.Ledger.Records(ctx, engine.RunID(m.Run))
	if err != nil {
		out.Notes = append(out.Notes, "the ledger could not be asked what run "+m.Run+" recorded of it: "+err.Error())
		return nil
	}
	_, out.Recorded = cited(records)[m.Name]
	return asRecorded(records, m)
}

// compareRoles compares the roles that stand beside the backup with their hash, where they can be read here.
func (b *Backups) compareRoles(ctx context.Context, m backup.Manifest, out *Verified) error {
	if m.Globals == nil {
		return nil
	}
	err := rereadGlobals(ctx, b.with.Store, m)
	if errors.Is(err, backup.ErrSealed) {
		out.Notes = append(out.Notes, "the roles beside it are encrypted too and were not compared")
		return nil
	}
	return err
}

// readWhole lets the database's own program read the archive and compares contents, rows and hash.
func (b *Backups) readWhole(ctx context.Context, m backup.Manifest, say func(engine.Progress)) error {
	if b.with.Database == nil {
		return errNoReader
	}
	return b.read(ctx, m, func(r io.Reader) error {
		say(engine.Progress{Text: "reading the whole archive"})
		return b.with.Database.Verify(ctx, r, step.DumpOf(m))
	})
}

func damaged(name string, err error) error {
	if f, ok := fault.Find(err); ok {
		return f
	}
	f := &fault.Fault{Code: "backup-damaged", What: name + " is not what was written", Err: err,
		Outcome: fault.FailedUnchanged,
		Means:   "do not restore it; production is unchanged, and the backup was left as it is",
		Do: []fault.Command{{Line: "fairlead backup create", Why: "takes a new one"},
			{Line: "fairlead backup list", Why: "the others that are kept"}}}
	if errors.Is(err, backup.ErrMissing) {
		f.What = "there is a manifest of " + name + ", and no dump"
	}
	return f
}
