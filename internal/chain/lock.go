package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
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
	if err := flock(f, syscall.LOCK_EX, writerPatience); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// shared takes the readers' lock, so that no line is seen half written. Where it cannot be had (no ledger, no right, a writer that
// is stopped in the middle) one reads without it: the chain itself tells what is whole.
func (d *Dir) shared() (release func()) {
	f, err := openFile(filepath.Join(d.path, lockName), os.O_RDONLY)
	if err != nil {
		return func() {}
	}
	if flock(f, syscall.LOCK_SH, readerPatience) != nil {
		f.Close()
		return func() {}
	}
	return func() { f.Close() }
}

// flock waits for the lock on f. Closing f gives it back, and so does the death of the process.
func flock(f *os.File, how int, patience time.Duration) error {
	end := time.Now().Add(patience)
	for pause := 500 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("lock %s: another process has held it for %s; nothing was written", f.Name(), patience)
		}
		time.Sleep(pause)
	}
}
