//go:build real

package host

import (
	"path/filepath"
	"testing"

	"fairlead/internal/backup/backuptest"
	"fairlead/internal/lab/smalldisk"
)

func TestStore_keeps_the_contract_on_a_host_whose_disk_fills_up(t *testing.T) {
	backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
		mount := t.TempDir()
		disk := smalldisk.Mount(t, mount, 12<<20)
		p := newSite(t, filepath.Join(mount, "backups")).place()
		p.Fill = disk.Fill
		return p
	})
}

func TestMemory_is_flat_while_a_large_object_passes(t *testing.T) {
	s := newSite(t, t.TempDir())
	backuptest.Flat(t, s.open(t), 256, 64)
}
