package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fairlead/internal/filelock"
)

// exclusive takes the writers' lock, creating its file. It gives up after writerPatience; then nothing was written.
func (d *Dir) exclusive() (release func(), err error) {
	path := filepath.Join(d.path, lockName)
	f, err := openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	switch {
	case err == nil:
		if err := f.Chmod(fileMode); err != nil {
			f.Close()
			return nil, err
		}
	case errors.Is(err, os.ErrExist):
		if f, err = openFile(path, os.O_RDWR); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	err = filelock.Wait(f, filelock.Exclusive, writerPatience)
	if errors.Is(err, filelock.ErrHeld) {
		err = fmt.Errorf("lock %s: another process has held it for %s; nothing was written", path, writerPatience)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// shared takes the readers' lock, so that no line is seen half written. Where it cannot be had (no ledger, no right, a
// writer that is stopped in the middle) one reads without it: the chain itself tells what is whole.
func (d *Dir) shared() (release func()) {
	f, err := openFile(filepath.Join(d.path, lockName), os.O_RDONLY)
	if err != nil {
		return func() {}
	}
	if filelock.Wait(f, filelock.Shared, readerPatience) != nil {
		f.Close()
		return func() {}
	}
	return func() { f.Close() }
}
