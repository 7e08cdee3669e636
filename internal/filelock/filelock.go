// Package filelock is a lock between processes on an open file (flock). Closing the file gives the lock back, and so
// does the death of the process. It keeps no goroutine of one process from another that uses the same open file. Start
// with Try.
package filelock

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Kind says with whom a lock is shared.
type Kind int

// The kinds.
const (
	// Exclusive: nobody else has a lock.
	Exclusive Kind = iota + 1
	// Shared: others may have a shared lock too.
	Shared
)

// ErrHeld: another process has the lock.
var ErrHeld = errors.New("another process has it")

// Forever is the patience of a caller that does not give up.
const Forever = time.Duration(math.MaxInt64)

// The pauses between two attempts to get a lock that another process has.
const (
	shortestPause = 500 * time.Microsecond
	longestPause  = 20 * time.Millisecond
)

// Try takes the lock, or gives ErrHeld at once.
func Try(f *os.File, k Kind) error { return flock(f, k, unix.LOCK_NB) }

// Wait takes the lock as soon as it is free; ErrHeld when that takes longer than patience.
func Wait(f *os.File, k Kind, patience time.Duration) error {
	if patience == Forever {
		return flock(f, k, 0)
	}
	end := time.Now().Add(patience)
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		if err := Try(f, k); !errors.Is(err, ErrHeld) || time.Now().After(end) {
			return err
		}
		time.Sleep(pause)
	}
}

func flock(f *os.File, k Kind, how int) error {
	if k == Shared {
		how |= unix.LOCK_SH
	} else {
		how |= unix.LOCK_EX
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("lock %s: %w", f.Name(), ErrHeld)
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
