package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

func TestFits_compares_what_is_free_with_the_database_then_with_its_last_dump(t *testing.T) {
	const size = 1000 // of the database; the dump of clerk has 50 bytes for 100
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		free   int64
		looks  error
		shared bool
		last   bool
		want   error
	}{
		"as large as the database":  {free: size},
		"smaller than the database": {free: size - 1, want: backup.ErrFull},
		"once on a disk shared with the store": {free: 2*int64(len(written))*size/100 - 1, shared: true, last: true,
			want: backup.ErrFull},
		"twice on a shared disk":    {free: 2 * int64(len(written)) * size / 100, shared: true, last: true},
		"as large as the last dump": {free: int64(len(written)) * size / 100, last: true},
		"smaller than the last dump": {free: int64(len(written))*size/100 - 1, last: true,
			want: backup.ErrFull},
		"nobody can tell": {free: size, looks: broken, want: broken},
	} {
		s := &cupboard{objects: map[string][]byte{}}
		b := takes(s, &clerk{}, "")
		if c.last {
			if _, err := b.Take(t.Context(), order()); err != nil {
				t.Fatal(err)
			}
		}
		b.Workspace = &Workspace{Look: func() (string, int64, error) { return "/scratch", c.free, c.looks },
			Shared: c.shared}
		o := order()
		o.DatabaseSize = size
		if err := b.Fits(t.Context(), o); !errors.Is(err, c.want) || c.want != nil &&
			!strings.Contains(err.Error(), "/scratch") {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want == backup.ErrFull {
			n := len(s.objects)
			if _, err := b.Take(t.Context(), o); !errors.Is(err, backup.ErrFull) || len(s.objects) != n {
				t.Errorf("%s: a backup is taken: %v, %d objects", name, err, len(s.objects))
			}
		}
	}
}

func TestCheck_refuses_scratch_into_which_the_dump_would_not_fit(t *testing.T) {
	c := pantry{free: 1 << 40}
	check := Check{Database: c, Backups: c, Ledger: func(context.Context) (string, error) { return "", nil },
		Fits: func(ctx context.Context, size int64) error {
			look := func() (string, int64, error) { return "/scratch", 999e6, nil }
			return Backup{Store: c, Now: time.Now, Workspace: &Workspace{Look: look}}.Fits(ctx,
				BackupRequest{App: "shop", Environment: "production", Run: Manual, DatabaseSize: size})
		}}
	_, err := check.Run(t.Context(), engine.Input{Say: func(engine.Progress) {}})
	f, is := fault.Find(err)
	if !is || f.Code != "backup-not-ready" || !strings.Contains(f.What,
		"expected to take 1000 MB, and 999 MB are free at /scratch") {
		t.Errorf("it says %v", err)
	}
}
