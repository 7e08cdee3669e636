package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"fairlead/internal/atomicfile"
	"fairlead/internal/filelock"
)

// Modes of what the agent makes: for the group of deploy users, for nobody else.
const (
	dirMode  = fs.ModeSetgid | 0o770
	fileMode = 0o660
	maxFile  = 1 << 20
)

// makeDir creates a folder and what is missing above it, up to top, which must exist.
func makeDir(top, dir string) error {
	if info, err := os.Stat(top); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder %s does not exist: %w", top, errors.Join(err, fs.ErrNotExist))
	}
	if dir == top {
		return nil
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDir(top, filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o770); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder: %w", err)
	}
	_ = os.Chmod(dir, dirMode) // somebody else's folder stays as it is
	return atomicfile.SyncDir(filepath.Dir(dir))
}

// readFile reads a file of at most maxFile bytes; none and no error when there is no such file.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return b, err
}

// lock takes an flock on a file that it creates when needed; wait says whether to wait for it. The returned file holds
// the lock until it is closed; it is nil, without an error, when somebody else has it and wait is false.
func lock(name string, wait bool) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, fileMode)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	_ = f.Chmod(fileMode)
	patience := time.Duration(0)
	if wait {
		patience = filelock.Forever
	}
	if err = filelock.Wait(f, filelock.Exclusive, patience); err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, filelock.ErrHeld) {
		return nil, nil
	}
	return nil, err
}
