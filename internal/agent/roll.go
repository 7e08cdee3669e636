package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"fairlead/internal/atomicfile"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// followPause stands between two looks at a journal.
const followPause = 100 * time.Millisecond

// rollStart starts a rollout in a process of its own, or attaches to what is there. An order that has come to a good
// end, or to any end under the same ticket number, is not started again. One whose process died, or that ended
// otherwise under a smaller number, is.
func (s Server) rollStart(b stack.RollStart) (any, error) {
	k, err := s.keeperOf(b.Place)
	if err != nil {
		return nil, err
	}
	dir, err := orderDir(b.Place, b.Order.ID)
	if err != nil {
		return nil, err
	}
	if err := k.raise(b.Order.Ticket); err != nil {
		return nil, err
	}
	number := b.Order.Ticket.Number
	held, err := k.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	last, known, err := newest(dir)
	if err != nil {
		return nil, err
	}
	if known {
		st, err := last.state()
		if err != nil || goesOn(st, number) {
			return st, err
		}
	}
	return s.begin(b, attempt{number, filepath.Join(dir, strconv.FormatInt(number, 10))})
}

// goesOn tells whether an attempt answers a request to start under a number.
func goesOn(st wire.RollState, number int64) bool {
	switch {
	case st.Ended:
		return st.Report.Done || st.Attempt == number
	case st.Alive:
		return st.Attempt == number
	}
	return false
}

// begin writes down what is to be done and starts the process that does it.
func (s Server) begin(b stack.RollStart, a attempt) (any, error) {
	seen, err := lookHere(context.Background(), b.Place, b.Layout)
	if err != nil {
		return nil, err
	}
	if err := makeDir(b.Place.Directory, a.dir); err != nil {
		return nil, err
	}
	text, err := json.Marshal(task{b.Place, seen.Stack, b.Order})
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(a.path(taskFile), text, fileMode); err != nil {
		return nil, err
	}
	if err := s.spawn(a); err != nil {
		return nil, err
	}
	return wire.RollState{Known: true, Attempt: a.number, Alive: true}, nil
}

// spawn starts the agent once more, in a session of its own, with the attempt's lock handed down. The lock is taken
// here, so that the process counts as alive from its first moment.
func (s Server) spawn(a attempt) error {
	hold, err := a.hold()
	if err != nil {
		return err
	}
	defer hold.Close()
	log, err := os.OpenFile(a.path(logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, fileMode)
	if err != nil {
		return fmt.Errorf("start the rollout: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(s.Program, "roll", a.dir)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{hold}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the rollout: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it is init's child when this process has gone
	return nil
}

// hold takes the attempt's lock. Somebody who asks whether the process is alive holds it for a moment, so it is tried
// for a while.
func (a attempt) hold() (*os.File, error) {
	for range 40 {
		f, err := lock(a.path(holdFile), false)
		if f != nil || err != nil {
			return f, err
		}
		time.Sleep(25 * time.Millisecond)
	}
	return nil, errors.New("the rollout's process is alive already")
}

// rollFollow sends the journal's entries as they come, and at the end how the rollout stands.
func (s Server) rollFollow(ctx context.Context, b wire.RollRef, say func(any) error) (any, error) {
	a, ok, err := s.attempt(b)
	if err != nil || !ok {
		return wire.RollState{}, err
	}
	for sent := b.Skip; ; {
		st, err := a.state()
		if err != nil {
			return nil, err
		}
		entries, err := a.entries()
		if err != nil {
			return nil, err
		}
		for ; sent < len(entries); sent++ {
			var e wire.RollEntry
			if json.Unmarshal(entries[sent], &e.Entry) != nil {
				continue
			}
			if err := say(e); err != nil {
				return nil, err
			}
		}
		switch {
		case st.Ended:
			return st, nil
		case !st.Alive:
			return nil, wire.Fail(wire.CodeGone,
				"the rollout's process died before its end; its log is "+a.path(logFile), nil)
		case !pause(ctx, followPause):
			return nil, ctx.Err()
		}
	}
}

func (s Server) rollState(b wire.RollRef) (any, error) {
	a, ok, err := s.attempt(b)
	if err != nil || !ok {
		return wire.RollState{}, err
	}
	return a.state()
}

// attempt finds the attempt that a reference means.
func (s Server) attempt(b wire.RollRef) (attempt, bool, error) {
	if err := b.Place.Validate(); err != nil {
		return attempt{}, false, wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	dir, err := orderDir(b.Place, b.Order)
	if err != nil {
		return attempt{}, false, err
	}
	if b.Attempt == 0 {
		return newest(dir)
	}
	a := attempt{b.Attempt, filepath.Join(dir, strconv.FormatInt(b.Attempt, 10))}
	_, err = os.Stat(a.path(taskFile))
	if os.IsNotExist(err) {
		return a, false, nil
	}
	return a, err == nil, err
}
