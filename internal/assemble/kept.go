package assemble

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// A Shelf is what a place keeps of this app in this environment.
type Shelf struct {
	Place   string         `json:"place"`
	Backups []backup.Entry `json:"backups"`
	Notes   []string       `json:"notes,omitempty"`
}

// KeptBackups lists the backups of this app in this environment, the newest first. It takes no lock.
func (p *Project) KeptBackups(ctx context.Context) (Shelf, error) {
	if p.backups == nil {
		return Shelf{}, noStore()
	}
	all, err := step.Inventory(ctx, p.backups)
	if err != nil {
		return Shelf{}, shelfUnread(err)
	}
	out := Shelf{Place: p.backups.Location(), Backups: []backup.Entry{}}
	for _, k := range all {
		if k.Of(p.Config.App, p.Config.Environment) {
			out.Backups = append(out.Backups, k)
		}
	}
	out.Notes = p.shelfNotes(ctx)
	return out, nil
}

// shelfNotes are sentences worth knowing about the place; what cannot be asked is left out.
func (p *Project) shelfNotes(ctx context.Context) []string {
	n, ok := p.backups.(interface {
		Notes(ctx context.Context) ([]string, error)
	})
	if !ok {
		return nil
	}
	notes, err := n.Notes(ctx)
	if err != nil {
		return nil
	}
	return notes
}

func noStore() error {
	return &fault.Fault{Code: "backup-not-configured", What: "the configuration names no place where backups are kept", Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do:    []fault.Command{{Line: "backup: {store: {kind: dir, path: /var/backups/shop}}", Why: "in fairlead.yaml; s3 and host are other kinds"}}}
}

// shelfUnread is a place that gave no answer: what the place itself says of that is kept.
func shelfUnread(err error) error {
	if f, ok := fault.Find(err); ok {
		g := *f
		g.Means, g.Outcome = "nothing was attempted; production is unchanged", fault.Refused
		return fault.Because(&g, err)
	}
	return &fault.Fault{Code: "backup-not-ready", What: "the place of the backups cannot be read", Err: err, Outcome: fault.Refused,
		Means: "nothing was attempted; production is unchanged", Do: []fault.Command{{Line: "fairlead check", Why: "asks hosts, database and store"}}}
}

// VerifiedBackup is what a verification has proved.
type VerifiedBackup struct {
	Manifest backup.Manifest `json:"manifest"`
	Level    string          `json:"level"`    // that was proved now
	Recorded bool            `json:"recorded"` // the run that took it has recorded this very backup
	Notes    []string        `json:"notes,omitempty"`
}

// VerifyBackup reads a backup back at a level; "" is the highest that is possible here: L2, or L1 of one that is encrypted and whose key
// is not here. It changes nothing and takes no lock.
func (p *Project) VerifyBackup(ctx context.Context, name, level string, say func(engine.Progress)) (VerifiedBackup, error) {
	if p.backups == nil {
		return VerifiedBackup{}, noStore()
	}
	m, err := step.ReadManifest(ctx, p.backups, name)
	if _, ok := fault.Find(err); ok {
		return VerifiedBackup{}, shelfUnread(err)
	}
	if err != nil {
		return VerifiedBackup{}, noBackup(name, err)
	}
	out := VerifiedBackup{Manifest: m, Level: step.L1}
	if err := p.asRecorded(ctx, m, &out); err != nil {
		return out, damaged(name, err)
	}
	say(engine.Progress{Text: "reading back what the store holds"})
	if err := backup.Reread(ctx, p.backups, m); err != nil {
		return out, damaged(name, err)
	}
	if err := p.rolesBeside(ctx, m, &out); err != nil {
		return out, damaged(name, err)
	}
	if level == step.L1 {
		return out, nil
	}
	err = p.readWhole(ctx, m, say)
	switch {
	case err == nil:
		out.Level = step.L2
		return out, nil
	case level == "" && (errors.Is(err, backup.ErrSealed) || errors.Is(err, errNoReader)):
		out.Notes = append(out.Notes, "only its hash was compared (L1): "+err.Error())
		return out, nil
	case errors.Is(err, backup.ErrSealed):
		return out, &fault.Fault{Code: "backup-sealed", What: name + " is encrypted, and its key is not here", Err: err, Outcome: fault.Refused,
			Means: "its hash is right, nothing more is known; production is unchanged",
			Do: []fault.Command{{Line: "fairlead backup verify " + name + " --level L1", Why: "compares what the store holds, without a key"},
				{Line: "backup: {encryption: {identity: …}}", Why: "in fairlead.yaml, where the key is"}}}
	}
	return out, damaged(name, err)
}

// errNoReader: nothing is configured that could read an archive.
var errNoReader = errors.New("the configuration names no database, so nothing here reads archives")

// asRecorded compares the manifest with the ledger, where that can be read.
func (p *Project) asRecorded(ctx context.Context, m backup.Manifest, out *VerifiedBackup) error {
	if m.Run == step.Manual {
		return nil
	}
	records, err := p.Ledger().Records(ctx, engine.RunID(m.Run))
	if err != nil {
		out.Notes = append(out.Notes, "the ledger could not be asked what run "+m.Run+" recorded of it: "+err.Error())
		return nil
	}
	_, out.Recorded = step.Cited(records)[m.Name]
	return step.AsRecorded(records, m)
}

// rolesBeside compares the roles that stand beside the backup with their hash, where they can be read here.
func (p *Project) rolesBeside(ctx context.Context, m backup.Manifest, out *VerifiedBackup) error {
	if m.Globals == nil {
		return nil
	}
	err := step.RereadGlobals(ctx, p.backups, m)
	if errors.Is(err, backup.ErrSealed) {
		out.Notes = append(out.Notes, "the roles beside it are encrypted too and were not compared")
		return nil
	}
	return err
}

// readWhole lets the database's own program read the archive and compares contents, rows and hash.
func (p *Project) readWhole(ctx context.Context, m backup.Manifest, say func(engine.Progress)) error {
	if p.database == nil {
		return errNoReader
	}
	r, err := p.backups.Open(ctx, m.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	say(engine.Progress{Text: "reading the whole archive"})
	h := sha256.New()
	seen := io.TeeReader(r, h)
	if err := p.database.Verify(ctx, seen, step.DumpOf(m)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, seen); err != nil {
		return err
	}
	return matches(m, h.Sum(nil))
}

func damaged(name string, err error) error {
	if f, ok := fault.Find(err); ok {
		return f
	}
	f := &fault.Fault{Code: "backup-damaged", What: name + " is not what was written", Err: err, Outcome: fault.FailedUnchanged,
		Means: "do not restore it; production is unchanged, and the backup was left as it is",
		Do:    []fault.Command{{Line: "fairlead backup create", Why: "takes a new one"}, {Line: "fairlead backup list", Why: "the others that are kept"}}}
	if errors.Is(err, backup.ErrMissing) {
		f.What = "there is a manifest of " + name + ", and no dump"
	}
	return f
}
