package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/backups"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/step"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// Backups lists those that are kept.
func (o *Operator) Backups(ctx context.Context) (view.Page, error) {
	all, err := o.Project.KeptBackups(ctx)
	return answer(view.Backups(all), err)
}

// TakeBackup takes and verifies one outside of a run.
func (o *Operator) TakeBackup(ctx context.Context, say func(engine.Progress)) (view.Page, error) {
	b, err := o.Project.TakeBackup(ctx, say)
	return answer(view.TakenBackup(b), err)
}

// VerifyBackup reads one back at a level: L1, L2, or "" for the highest that is possible here.
func (o *Operator) VerifyBackup(ctx context.Context, name, level string, say func(engine.Progress)) (view.Page, error) {
	v, err := o.Project.VerifyBackup(ctx, name, level, say)
	return answer(view.VerifiedBackup(v), err)
}

// PruneBackups removes the backups that retention lets go; dry only tells which.
func (o *Operator) PruneBackups(ctx context.Context, dry bool) (view.Page, error) {
	p, err := o.Project.PruneBackups(ctx, dry)
	return answer(view.PrunedBackups(p), err)
}

// ConfirmLive asks for the name of the live database before a backup takes its place. typed is that name where it was
// given along.
func (o *Operator) ConfirmLive(ctx context.Context, backup, typed string) error {
	live, err := o.Project.LiveDatabase(ctx)
	if err != nil {
		return err
	}
	if typed != "" && typed != live {
		return Misused("--confirm names %q, the live database is %q", typed, live)
	}
	answer := decide.Answer{Yes: true}
	if typed == "" {
		answer, err = o.Frontend.Decide(ctx, decide.Question{Word: live,
			Text: fmt.Sprintf("%s is the LIVE database. Its present state "+
				"is backed up, %s is restored and takes its place; all sessions end; everything written since that "+
				"backup is only in the database that is kept.", live, backup)})
	}
	if err != nil {
		return fmt.Errorf("the name of the live database must be typed, or given by --confirm %s: %w", live, err)
	}
	if !answer.Yes {
		return Misused("that was not the name of the live database; nothing was done")
	}
	return nil
}

// RestoreBackup restores one, and remembers how long that took.
func (o *Operator) RestoreBackup(ctx context.Context, r backups.Restoration,
	say func(engine.Progress)) (view.Page, error) {
	restored, err := o.Project.RestoreBackup(ctx, r, say)
	if err != nil {
		return nil, err
	}
	o.rememberRestore(restored)
	return view.RestoredBackup{Restored: restored, Now: o.Now()}, nil
}

// restoreTime is what the last restore on this machine took, kept for the estimate in a brief.
type restoreTime struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"` // of the dump, bytes
	Seconds float64   `json:"seconds"`
	At      time.Time `json:"at"`
}

func (o *Operator) restoreTimeFile() string {
	return filepath.Join(o.State, "restores", o.Config.App+"-"+o.Config.Environment+".json")
}

// rememberRestore keeps it. That it cannot be kept is no reason for anything.
func (o *Operator) rememberRestore(r backups.Restored) {
	b, err := json.Marshal(restoreTime{r.Manifest.Name, r.Manifest.Size, r.Seconds, o.Now().UTC()})
	path := o.restoreTimeFile()
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	_ = os.WriteFile(path, append(b, '\n'), 0o600)
}

// restoreEstimate says how long restoring a backup may take: by the last restore on this machine where there was one.
func (o *Operator) restoreEstimate(m backup.Manifest) string {
	b, err := os.ReadFile(o.restoreTimeFile())
	var t restoreTime
	if err != nil || json.Unmarshal(b, &t) != nil || t.Size <= 0 || t.Seconds <= 0 || m.Size <= 0 ||
		m.Took.Restore > 0 {
		return step.RestoreEstimate(m)
	}
	return fmt.Sprintf("restoring it takes about %.0f s (the last restore here, of %s, took %.0f s)",
		max(1, t.Seconds*float64(m.Size)/float64(t.Size)), ui.Bytes(t.Size), max(1, t.Seconds))
}
