//go:build real

package dir

import (
	"path/filepath"
	"testing"

	"fairlead/internal/backup/backuptest"
	"fairlead/internal/lab/smalldisk"
)

func TestStore_keeps_the_contract_on_a_disk_that_fills_up(t *testing.T) {
	backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
		mount := t.TempDir()
		disk := smalldisk.Mount(t, mount, 8<<20)
		p := place(t, filepath.Join(mount, "backups"))
		p.Fill = disk.Fill
		return p
	})
}
