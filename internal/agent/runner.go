package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fairlead/internal/atomicfile"
	"fairlead/internal/fence"
	"fairlead/internal/rollout"
)

// A Runner is the detached process of one attempt. Program is the path of the agent's own file.
type Runner struct {
	Program string
}

// turnLimit is how long a rollout waits for an older one of the same app to notice that it was overtaken.
const turnLimit = 20 * time.Minute

// fencePause stands between two looks at the fence while a rollout waits.
const fencePause = 300 * time.Millisecond

// Run carries out the order in an attempt's folder, whoever is still connected. It holds the flock of its place, so
// that two never work beside each other, and looks at the fence before each mutation and while it waits.
func (r Runner) Run(dir string) error {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	unix.CloseOnExec(3) // the attempt's lock is not for the programs that a rollout starts
	a := attempt{dir: dir}
	text, err := os.ReadFile(a.path(taskFile))
	if err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	var t task
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	k := Server{Program: r.Program}.keeper(t.Place)
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	done := make(chan struct{})
	go watch(ctx, k, t.Order.Ticket, stop, done)
	defer func() { stop(nil); <-done }()
	j, err := openJournal(a.path(journalFile))
	if err != nil {
		return err
	}
	defer j.f.Close()
	turn, err := takeTurn(ctx, filepath.Join(t.Place.State(), "rolling"))
	if err != nil {
		end := rollout.Report{Why: err.Error(), Overtaken: errors.Is(err, fence.ErrOvertaken)}
		return errors.Join(err, j.Note(ctx, rollout.Entry{At: time.Now(), What: rollout.Ended, Report: &end,
			Why: err.Error()}))
	}
	defer turn.Close()
	_, err = rollout.Run(ctx, machine{k, t.Stack, t.Order.Ticket, turn}, j, clock{}, t.Order)
	return err
}

// watch ends the waiting of a rollout that was overtaken. It never stops what is being done at the moment.
func watch(ctx context.Context, k keeper, t fence.Ticket, stop context.CancelCauseFunc, done chan struct{}) {
	defer close(done)
	for pause(ctx, fencePause) {
		if err := k.check(t); errors.Is(err, fence.ErrOvertaken) || errors.Is(err, fence.ErrOtherLedger) {
			stop(err)
			return
		}
	}
}

// takeTurn waits for the lock under which one rollout works at a time.
func takeTurn(ctx context.Context, name string) (*os.File, error) {
	end := time.Now().Add(turnLimit)
	for {
		f, err := lock(name, false)
		if f != nil || err != nil {
			return f, err
		}
		if time.Now().After(end) {
			return nil, errors.New("another rollout of this app is still at work")
		}
		if !pause(ctx, fencePause) {
			return nil, context.Cause(ctx)
		}
	}
}

// clock is the machine's own.
type clock struct{}

// Now gives the time.
func (clock) Now() time.Time { return time.Now() }

// Sleep waits; a rollout that was overtaken learns it here.
func (clock) Sleep(ctx context.Context, d time.Duration) error {
	if !pause(ctx, d) {
		return context.Cause(ctx)
	}
	return nil
}

// journal writes entries durably, one line each.
type journal struct{ f *os.File }

func openJournal(name string) (journal, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, fileMode)
	if err != nil {
		return journal{}, fmt.Errorf("open the journal: %w", err)
	}
	if err := atomicfile.SyncDir(filepath.Dir(name)); err != nil {
		return journal{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return journal{}, err
	}
	if info.Size() == 0 {
		return journal{f}, nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
		_, err = f.Write([]byte("\n")) // the torn line of a process that died
		return journal{f}, err
	}
	return journal{f}, nil
}

// Note is durable when it returns nil.
func (j journal) Note(_ context.Context, e rollout.Entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := j.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return j.f.Sync()
}
