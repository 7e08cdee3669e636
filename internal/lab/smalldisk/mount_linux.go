package smalldisk

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk is one that is gone with its test.
type Disk struct {
	path string
	size int
}

// Mount puts a disk of a size in bytes over a folder, which it makes where there is none.
func Mount(t *testing.T, path string, size int) Disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a small disk can be mounted by root only")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	return Disk{path: path, size: size}
}

// Fill leaves no room on it until the function that it gives is called.
func (d Disk) Fill(t *testing.T) func() {
	t.Helper()
	ballast := filepath.Join(d.path, "ballast")
	if err := os.WriteFile(ballast, make([]byte, d.size), 0o600); err == nil {
		t.Fatal("the disk is larger than was asked for")
	}
	return func() { os.Remove(ballast) }
}
