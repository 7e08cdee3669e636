// Package backups is what is done with backups outside of a run: they are taken, listed, verified, restored and
// removed. Nothing here changes production but a restore that is told to. Start with Backups.
package backups

import (
	"context"
	"errors"
	"slices"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// A Database is what backups are taken of and restored into.
type Database interface {
	database.Planner
	database.Dumper
	database.Restorer
	Identity(ctx context.Context) (apply.Identity, error)
	Since(ctx context.Context, m database.Mark) (database.Gap, error)
}

// Parts is what backups are handled with. Database and Store are nil where none is configured.
type Parts struct {
	App, Environment string
	Database         Database
	Store            backup.Store
	Ledger           engine.Ledger
	History          engine.History
	Now              func() time.Time
	Backup           step.Backup      // the act of taking one
	Retention        backup.Retention // what is left alone
	Sessions         int              // by which a backup in the directory format is restored at once; 0: by the cores
}

// Backups are those of one app in one environment.
type Backups struct{ with Parts }

// New gives the backups that these parts handle.
func New(with Parts) *Backups { return &Backups{with} }

// Configured is the fault of a configuration that names no database, or no place for its backups.
func (b *Backups) Configured() error {
	what := "the configuration names no database"
	if b.with.Database != nil {
		what = "the configuration names no place where backups are kept"
	}
	if b.with.Database != nil && b.with.Store != nil {
		return nil
	}
	return &fault.Fault{Code: "backup-not-configured", What: what, Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do:    []fault.Command{{Line: "fairlead check", Why: "once database and backup stand in fairlead.yaml"}}}
}

// A Listing is what a place keeps of this app in this environment.
type Listing struct {
	Place   string         `json:"place"`
	Backups []backup.Entry `json:"backups"`
	Notes   []string       `json:"notes,omitempty"`
}

// KeptBackups lists the backups of this app in this environment, the newest first. It takes no lock.
func (b *Backups) KeptBackups(ctx context.Context) (Listing, error) {
	if b.with.Store == nil {
		return Listing{}, noStore()
	}
	all, err := inventory(ctx, b.with.Store)
	if err != nil {
		return Listing{}, storeUnread(err)
	}
	out := Listing{Place: b.with.Store.Location(), Backups: []backup.Entry{}}
	for _, k := range all {
		if k.Of(b.with.App, b.with.Environment) {
			out.Backups = append(out.Backups, k)
		}
	}
	if n, ok := b.with.Store.(interface {
		Notes(ctx context.Context) ([]string, error)
	}); ok {
		out.Notes, _ = n.Notes(ctx) // what cannot be asked is left out
	}
	return out, nil
}

// Manifest reads the manifest of a backup, or of the newest reliable one of this app in this environment.
func (b *Backups) Manifest(ctx context.Context, name string) (backup.Manifest, error) {
	if name == "" {
		kept, err := b.KeptBackups(ctx)
		if err != nil {
			return backup.Manifest{}, err
		}
		i := slices.IndexFunc(kept.Backups, backup.Entry.Reliable)
		if i < 0 {
			return backup.Manifest{}, &fault.Fault{Code: "backup-missing", What: "there is no backup to rehearse with",
				Outcome: fault.Misused,
				Err: errors.New("the store " + kept.Place +
					" has none of this app in this environment that is whole"),
				Means: "nothing was attempted; production is unchanged",
				Do:    []fault.Command{{Line: "fairlead backup create", Why: "takes one"}}}
		}
		name = kept.Backups[i].Name
	}
	m, err := step.ReadManifest(ctx, b.with.Store, name)
	if err != nil {
		return m, noBackup(name, err)
	}
	return m, nil
}

func noStore() error {
	return &fault.Fault{Code: "backup-not-configured", Outcome: fault.Misused,
		What:  "the configuration names no place where backups are kept",
		Means: "nothing was attempted; production is unchanged",
		Do: []fault.Command{{Line: "backup: {store: {kind: dir, path: /var/backups/shop}}",
			Why: "in fairlead.yaml; s3 and host are other kinds"}}}
}

// storeUnread is a store that gave no answer: what the store itself says of that is kept.
func storeUnread(err error) error {
	if f, ok := fault.Find(err); ok {
		g := *f
		g.Means, g.Outcome = "nothing was attempted; production is unchanged", fault.Refused
		return fault.Because(&g, err)
	}
	return &fault.Fault{Code: "backup-not-ready", What: "the place of the backups cannot be read", Err: err,
		Outcome: fault.Refused,
		Means:   "nothing was attempted; production is unchanged",
		Do:      []fault.Command{{Line: "fairlead check", Why: "asks hosts, database and store"}}}
}

// TakeBackup takes a backup outside of a run: the same act with the same verdict. Nothing of production is changed by
// it.
func (b *Backups) TakeBackup(ctx context.Context, say func(engine.Progress)) (step.BackedUp, error) {
	if err := b.Configured(); err != nil {
		return step.BackedUp{}, err
	}
	facts, err := b.with.Database.Preflight(ctx)
	if err != nil {
		return step.BackedUp{}, notTaken(err)
	}
	m, err := b.with.Backup.Take(ctx, step.BackupRequest{App: b.with.App, Environment: b.with.Environment,
		Run: step.Manual, DatabaseSize: facts.Size, Say: say})
	if err != nil {
		return step.BackedUp{}, notTaken(err)
	}
	return step.BackedUp{Manifest: m, Place: b.with.Store.Location()}, nil
}

func notTaken(err error) error {
	return &fault.Fault{Code: "backup-failed", What: "the backup was not taken", Err: err,
		Outcome: fault.FailedUnchanged,
		Means:   "nothing was kept under a final name; production is unchanged",
		Do: []fault.Command{{Line: "fairlead check", Why: "asks the database and its programs again"},
			{Line: "fairlead backup create", Why: "tries again"}}}
}

// LiveDatabase gives the name of the configured database, as its server says it.
func (b *Backups) LiveDatabase(ctx context.Context) (string, error) {
	if err := b.Configured(); err != nil {
		return "", err
	}
	id, err := b.with.Database.Identity(ctx)
	return id.Database, err
}

// Gap tells what a restore of a backup would lose now.
func (b *Backups) Gap(ctx context.Context, m backup.Manifest) (*database.Gap, error) {
	if err := b.Configured(); err != nil {
		return nil, err
	}
	g, err := b.with.Database.Since(ctx, step.MarkOf(m))
	if err != nil {
		return nil, err
	}
	return &g, nil
}
