//go:build real

package dir

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fairlead/internal/backup/backuptest"
)

func TestStore_keeps_the_contract_on_a_disk_that_fills_up(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("a small disk can be mounted by root only")
	}
	backuptest.Exercise(t, func(t *testing.T) backuptest.Place {
		mount := t.TempDir()
		if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=8m"); err != nil {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
		p := place(t, filepath.Join(mount, "backups"))
		p.Fill = func(t *testing.T) func() {
			ballast := filepath.Join(mount, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err == nil {
				t.Fatal("the disk is larger than was asked for")
			}
			return func() { os.Remove(ballast) }
		}
		return p
	})
}
