package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// pantry is a store with so much room.
type pantry struct {
	backup.Store
	free int64
	err  error
}

func (c pantry) Free() (int64, error)                          { return c.free, c.err }
func (c pantry) List(context.Context) ([]backup.Object, error) { return nil, nil }
func (c pantry) Ready(context.Context) error                   { return nil }
func (c pantry) Location() string                              { return "the pantry" }
func (c pantry) Preflight(context.Context) (database.Facts, error) {
	return database.Facts{Size: 1000e6}, nil
}

func TestCheck_refuses_a_store_on_which_the_backup_would_not_fit(t *testing.T) {
	for name, c := range map[string]struct {
		pantry
		refused bool
	}{
		"room for a tenth":         {pantry{free: 100e6}, false},
		"less than a tenth":        {pantry{free: 99e6}, true},
		"a store that cannot tell": {pantry{err: errors.ErrUnsupported}, false},
	} {
		check := Check{Database: c, Backups: c, Ledger: func(context.Context) (string, error) { return "", nil },
			Room: func(ctx context.Context, size int64) (int64, int64) {
				return Backup{Store: c, Now: time.Now}.Room(ctx,
					BackupRequest{App: "shop", Environment: "production", Run: Manual, DatabaseSize: size})
			}}
		_, err := check.Run(t.Context(), engine.Input{Say: func(engine.Progress) {}})
		f, is := fault.Find(err)
		if is != c.refused || is && (f.Code != "backup-not-ready" ||
			!strings.Contains(f.What, "expected to take 100 MB, and 99 MB are free at the pantry")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
