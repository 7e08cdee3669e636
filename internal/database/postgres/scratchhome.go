package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/filelock"
)

const homePrefix = "fairlead-rehearsal-"

// A scratchHome is the directory of a server for scratch databases. A lock beside it is held as long as the process lives that made it,
// whatever ends it; a directory whose lock can be had belongs to nobody and is removed by the next one.
type scratchHome struct {
	dir  string
	lock *os.File
	who  *syscall.Credential // an unprivileged user, where the process itself runs as root
}

// openHome makes one below a directory that exists.
func openHome(below string) (*scratchHome, error) {
	h := &scratchHome{}
	for range 10 {
		name, lock, err := newLock(below, homePrefix)
		if err != nil {
			return nil, err
		}
		if lock == nil {
			continue // the sweep of somebody else was faster
		}
		h.dir, h.lock = strings.TrimSuffix(name, ".lock"), lock
		if err := h.make(); err != nil {
			h.close()
			return nil, err
		}
		return h, nil
	}
	return nil, fmt.Errorf("make a directory for a scratch server below %s: others remove it each time", below)
}

// newLock makes a lock file and locks it; no lock when somebody removed it in between.
func newLock(below, prefix string) (string, *os.File, error) {
	f, err := os.CreateTemp(below, prefix+"*.lock")
	if err != nil {
		return "", nil, fmt.Errorf("make a directory for scratch: %w", err)
	}
	if err := filelock.Try(f, filelock.Exclusive); err != nil {
		f.Close()
		return "", nil, nil
	}
	mine, err := f.Stat()
	if err == nil {
		there, gone := os.Lstat(f.Name())
		if gone == nil && os.SameFile(mine, there) {
			return f.Name(), f, nil
		}
	}
	f.Close()
	return "", nil, nil
}

func (h *scratchHome) make() error {
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for a scratch server: %w", err)
	}
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: %w", err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	h.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(h.dir, int(uid), int(gid))
}

// close removes the directory, then the lock.
func (h *scratchHome) close() {
	removeTree(h.dir)
	_ = os.Remove(h.lock.Name())
	h.lock.Close()
}

// removeTree tries for a moment, for a server that is just ending may still write.
func removeTree(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// sweepHomes removes what dead processes of this user left below a directory, servers included, and says what.
func sweepHomes(ctx context.Context, below string) []string {
	locks, _ := filepath.Glob(filepath.Join(below, homePrefix+"*.lock"))
	var removed []string
	for _, name := range locks {
		f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		st, err := f.Stat()
		if err == nil && st.Mode().IsRegular() && ownedByUs(st) && filelock.Try(f, filelock.Exclusive) == nil {
			dir := strings.TrimSuffix(name, ".lock")
			endServerOf(ctx, filepath.Join(dir, "data"))
			removeTree(dir)
			_ = os.Remove(name)
			removed = append(removed, dir)
		}
		f.Close()
	}
	return removed
}

func ownedByUs(st os.FileInfo) bool {
	s, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// endServerOf ends a server that still works in a directory whose owner is gone. It ends only what says itself that it works there;
// where that cannot be seen, the server ends by itself within a minute of the removal of its directory.
func endServerOf(ctx context.Context, data string) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return
	}
	word, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(word))
	if err != nil || pid <= 1 {
		return
	}
	for range 250 {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		if err != nil || at != data || ctx.Err() != nil {
			return
		}
		if errors.Is(syscall.Kill(pid, syscall.SIGQUIT), syscall.ESRCH) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}
