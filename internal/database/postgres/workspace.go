package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fairlead/internal/filelock"
)

const workPrefix = ".fairlead-directory-"

// A workspace is a private folder in which the directory of one dump stands while it is written, verified or restored. Its lock lives as
// long as the process that made it, whatever ends that: a folder whose lock can be had belongs to nobody.
type workspace struct {
	dir  string
	lock *os.File
}

// below is where workspaces are made.
func (d *Database) below() string {
	if d.session.Scratch != "" {
		return d.session.Scratch
	}
	return os.TempDir()
}

// openWorkspace removes what dead processes left and makes a new one.
func (d *Database) openWorkspace() (*workspace, error) {
	below := d.below()
	if err := os.MkdirAll(below, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for scratch: %w", err)
	}
	sweepWorkspaces(below)
	for range 10 {
		name, lock, err := newLock(below, workPrefix)
		if err != nil {
			return nil, err
		}
		if lock == nil {
			continue // the sweep of somebody else was faster
		}
		w := &workspace{dir: strings.TrimSuffix(name, ".lock"), lock: lock}
		if err := os.Mkdir(w.dir, 0o700); err != nil {
			w.close()
			return nil, fmt.Errorf("make a directory for scratch: %w", err)
		}
		return w, nil
	}
	return nil, fmt.Errorf("make a directory for scratch below %s: others remove it each time", below)
}

// close removes the folder, then the lock.
func (w *workspace) close() {
	removeTree(w.dir)
	_ = os.Remove(w.lock.Name())
	w.lock.Close()
}

// sweepWorkspaces removes what dead processes of this user left below a folder.
func sweepWorkspaces(below string) {
	locks, _ := filepath.Glob(filepath.Join(below, workPrefix+"*.lock"))
	for _, name := range locks {
		f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		st, err := f.Stat()
		if err == nil && st.Mode().IsRegular() && ownedByUs(st) && filelock.Try(f, filelock.Exclusive) == nil {
			removeTree(strings.TrimSuffix(name, ".lock"))
			_ = os.Remove(name)
		}
		f.Close()
	}
}

// Workspace gives the folder below which directories of dumps stand for a while, and the bytes that are free there. What dead processes
// left there is removed first.
func (d *Database) Workspace() (place string, free int64, err error) {
	place = d.below()
	sweepWorkspaces(place)
	at := place
	for {
		free, err = freeAt(at)
		if up := filepath.Dir(at); os.IsNotExist(err) && up != at {
			at = up
			continue
		}
		return place, free, err
	}
}
