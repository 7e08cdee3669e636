// Package tempdir makes private folders that go with their process. A lock beside each is held as long as the process
// lives that made it, whatever ends that: a folder whose lock can be had belongs to nobody, and the next one removes
// it. Start with Make.
package tempdir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fairlead/internal/filelock"
)

// A Dir is a folder that only this user can enter.
type Dir struct {
	Path string
	lock *os.File
}

// Make makes one below a folder that exists; its name begins with prefix.
func Make(below, prefix string) (*Dir, error) {
	for range 10 {
		lock, err := newLock(below, prefix)
		if err != nil {
			return nil, fmt.Errorf("make a directory for scratch: %w", err)
		}
		if lock == nil {
			// The sweep of somebody else was faster.
			continue
		}
		d := &Dir{Path: strings.TrimSuffix(lock.Name(), ".lock"), lock: lock}
		if err := os.Mkdir(d.Path, 0o700); err != nil {
			d.Remove()
			return nil, fmt.Errorf("make a directory for scratch: %w", err)
		}
		return d, nil
	}
	return nil, fmt.Errorf("make a directory for scratch below %s: others remove it each time", below)
}

// newLock makes a lock file and locks it; nil when somebody removed it in between.
func newLock(below, prefix string) (*os.File, error) {
	f, err := os.CreateTemp(below, prefix+"*.lock")
	if err != nil {
		return nil, err
	}
	if filelock.Try(f, filelock.Exclusive) == nil {
		mine, err := f.Stat()
		there, gone := os.Lstat(f.Name())
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return f, nil
		}
	}
	return nil, f.Close()
}

// Remove removes the folder, then the lock.
func (d *Dir) Remove() {
	removeAll(d.Path)
	_ = os.Remove(d.lock.Name())
	d.lock.Close()
}

// removeAll tries for a moment, for a program that is just ending may still write.
func removeAll(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Sweep removes what dead processes of this user left below a folder under a prefix, and gives the paths. Before, which
// may be nil, is called with each first.
func Sweep(below, prefix string, before func(path string)) []string {
	locks, _ := filepath.Glob(filepath.Join(below, prefix+"*.lock"))
	var removed []string
	for _, name := range locks {
		f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if ours(f) && filelock.Try(f, filelock.Exclusive) == nil {
			dir := strings.TrimSuffix(name, ".lock")
			if before != nil {
				before(dir)
			}
			removeAll(dir)
			_ = os.Remove(name)
			removed = append(removed, dir)
		}
		f.Close()
	}
	return removed
}

// ours tells whether it is a file of this user.
func ours(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	s, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// Free gives the bytes that an ordinary user may still write below a path.
func Free(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
