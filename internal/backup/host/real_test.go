//go:build real

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fairlead/internal/backup/backuptest"
)

func TestStore_keeps_the_contract_on_a_host_whose_disk_fills_up(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("a small disk can be mounted by root only")
	}
	backuptest.Exercise(t, func(t *testing.T) backuptest.Place {
		const disk = 12 << 20
		mount := t.TempDir()
		if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d", disk)); err != nil {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
		p := newSite(t, filepath.Join(mount, "backups")).place()
		p.Fill = func(t *testing.T) func() {
			ballast := filepath.Join(mount, "ballast")
			if err := os.WriteFile(ballast, make([]byte, disk), 0o600); err == nil {
				t.Fatal("the disk is larger than was asked for")
			}
			return func() { os.Remove(ballast) }
		}
		return p
	})
}

func TestMemory_is_flat_while_a_large_object_passes(t *testing.T) {
	s := newSite(t, t.TempDir())
	backuptest.Flat(t, s.open(t), 256, 64)
}
