//go:build real

package s3

import (
	"os"
	"path/filepath"
	"testing"

	"fairlead/internal/backup/backuptest"
)

func TestMemory_is_flat_while_a_large_object_passes(t *testing.T) {
	buckets := t.TempDir()
	c := settings(gateway(t, buckets))
	if err := os.Mkdir(filepath.Join(buckets, "backups"), 0o755); err != nil {
		t.Fatal(err)
	}
	var usual Config
	usual.Defaults()
	c.PartMB, c.Timeout = usual.PartMB, usual.Timeout
	backuptest.Flat(t, opened(t, c), 256, 64)
}
