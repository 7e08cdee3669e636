package backups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// Pruned is what retention did, or would do.
type Pruned struct {
	Place    string             `json:"place"`
	Dry      bool               `json:"dry"`
	Judged   []backup.Judgement `json:"judged"`
	Leftover []backup.Object    `json:"leftover"` // partial objects of writers that died
}

// leftAlone is how long a partial object is left alone.
const leftAlone = 24 * time.Hour

// PruneBackups removes what retention lets go; dry only tells. The ledger is read first: without it nothing is removed.
func (b *Backups) PruneBackups(ctx context.Context, dry bool) (Pruned, error) {
	kept, err := b.KeptBackups(ctx)
	if err != nil {
		return Pruned{}, err
	}
	store, ok := b.with.Store.(backup.PrunableStore)
	if !ok {
		return Pruned{}, fmt.Errorf("nothing can be removed from %s", kept.Place)
	}
	needed, err := neededBackups(ctx, b.with.History, b.with.Ledger)
	if err != nil {
		return Pruned{}, err
	}
	out := Pruned{Place: kept.Place, Dry: dry, Judged: b.with.Retention.Judge(kept.Backups, needed, b.with.Now())}
	for _, j := range out.Judged {
		if j.Stay || dry {
			continue
		}
		if err := remove(ctx, store, j.Entry, "retention: "+j.Why); err != nil {
			return out, unpruned(err)
		}
	}
	swept, err := store.Sweep(ctx, b.with.Now().Add(-leftAlone), dry)
	out.Leftover = append([]backup.Object{}, swept...)
	if err != nil {
		return out, unpruned(err)
	}
	return out, nil
}

// remove takes a backup away: the dump first, its manifest last, so that an interruption leaves something that says
// what it was.
func remove(ctx context.Context, s backup.PrunableStore, k backup.Entry, reason string) error {
	manifest := k.Name + ".json"
	beside := slices.DeleteFunc(slices.Clone(k.Beside), func(name string) bool { return name == manifest })
	for _, name := range slices.Concat([]string{k.Name}, beside, []string{manifest}) {
		if err := s.Delete(ctx, name, reason); err != nil && !errors.Is(err, backup.ErrMissing) {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func unpruned(err error) error {
	if f, ok := fault.Find(err); ok {
		return f
	}
	return &fault.Fault{Code: "backup-not-pruned", What: "not everything was removed that retention lets go", Err: err,
		Outcome: fault.FailedUnchanged,
		Means:   "what stays by retention is untouched; production is unchanged",
		Do:      []fault.Command{{Line: "fairlead backup prune", Why: "goes on where it stopped"}}}
}

// neededBackups says which backups must stay, by name or by run: those of a run that is not ended, those of the newest
// run that migrated (the only way back to the schema before), and those of runs that ended in a question that no later
// release has answered.
func neededBackups(ctx context.Context, h engine.History, l engine.Ledger) (map[string]string, error) {
	runs, err := h.Runs(ctx, 0)
	if err != nil {
		return nil, err
	}
	needed := map[string]string{}
	settled, migrated := false, false
	for _, r := range runs { // the newest first
		why := ""
		switch {
		case r.Closed.IsZero():
			why = fmt.Sprintf("run %s is not ended", r.Run)
		case r.Migrated && !migrated:
			why = fmt.Sprintf("run %s migrated last: this is the way back to the schema before", r.Run)
		case !settled && (r.Outcome == fault.Asking || r.Outcome == fault.Unknown):
			why = fmt.Sprintf("run %s ended %s, and nothing was released since", r.Run, r.Outcome)
		}
		migrated = migrated || r.Migrated
		settled = settled || r.Outcome == fault.Deployed || r.Outcome == fault.RolledBack
		if why == "" {
			continue
		}
		needed[string(r.Run)] = why
		records, err := l.Records(ctx, r.Run)
		if err != nil {
			return nil, err
		}
		for name := range cited(records) {
			needed[name] = why
		}
	}
	return needed, nil
}
