package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/backups"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/step"
)

func (p pretend) TakeBackup(_ context.Context, say func(engine.Progress)) (step.BackedUp, error) {
	say(engine.Progress{Text: "writing the dump", Done: 12_000_000, Total: 60_000_000})
	return step.BackedUp{Place: "world/backups", Manifest: backup.Manifest{
		Name: "shop-production-manual-20261124-200000.dump", Size: 60_000_000, Level: "L2",
		SHA256: strings.Repeat("ab", 32), LSN: "0/1A2B3C8", Snapshot: time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC),
		Tables: map[string]int64{"public.orders": 7},
		Took:   backup.Took{Dump: 3.5, Verify: 0.8}, Globals: &backup.Attached{
			Missing: []string{"the roles' passwords"}}}}, nil
}

func (p pretend) RestoreBackup(ctx context.Context, r backups.Restoration,
	say func(engine.Progress)) (backups.Restored, error) {
	b, _ := p.TakeBackup(ctx, say)
	out := backups.Restored{Manifest: b.Manifest, Database: "shop", Into: r.Into, Seconds: 9.4}
	if r.Live {
		out.Into, out.Kept, out.Present = "shop", "shop_before_20261124_200000", b.Manifest.Name
	}
	return out, nil
}

func (p pretend) Globals(_ context.Context, _ string, w io.Writer) error {
	_, err := io.WriteString(w, "CREATE ROLE shop;\n")
	return err
}

func (p pretend) ResumeWriters(context.Context, bool) error { return nil }

func (p pretend) LiveDatabase(context.Context) (string, error) { return "shop", nil }

func (p pretend) Gap(context.Context, backup.Manifest) (*database.Gap, error) {
	return &database.Gap{Seconds: 240, Rows: 1325, Tables: map[string]int64{"public.orders": 1325},
		Archive: "archive_mode is off: what is written after the backup began cannot be had back"}, nil
}
