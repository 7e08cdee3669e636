package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/filelock"
	"fairlead/internal/release"
	"fairlead/internal/rollout"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// The files of an attempt.
const (
	taskFile    = "task.json"
	journalFile = "journal.jsonl"
	holdFile    = "running"
	logFile     = "log"
)

// maxJournal is the largest journal in bytes that is read.
const maxJournal = 16 << 20

// A task is what a detached process is to do.
type task struct {
	Place wire.Place    `json:"place"`
	Stack stack.Stack   `json:"stack"`
	Order rollout.Order `json:"order"`
}

// attempt is one try at an order, under one ticket number, in a folder of its own: rolls/<run>~<step>/<number>. Its
// process holds an flock on "running" for as long as it lives.
type attempt struct {
	number int64
	dir    string
}

// orderDir is the folder of an order.
func orderDir(p wire.Place, order string) (string, error) {
	run, step, ok := strings.Cut(order, "/")
	if !ok || !release.Word(run) || !release.Word(step) {
		return "", wire.Fail(wire.CodeBadRequest, fmt.Sprintf("%q is not the id of an order", order), nil)
	}
	return filepath.Join(p.State(), "rolls", run+"~"+step), nil
}

// newest gives the attempt with the largest number; false when there is none.
func newest(dir string) (attempt, bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return attempt{}, false, fmt.Errorf("list attempts: %w", err)
	}
	var numbers []int64
	for _, e := range entries {
		n, err := strconv.ParseInt(e.Name(), 10, 64)
		if _, missing := os.Stat(filepath.Join(dir, e.Name(), taskFile)); err == nil && missing == nil {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return attempt{}, false, nil
	}
	n := slices.Max(numbers)
	return attempt{n, filepath.Join(dir, strconv.FormatInt(n, 10))}, true, nil
}

func (a attempt) path(name string) string { return filepath.Join(a.dir, name) }

// alive tells whether the attempt's process holds its lock.
func (a attempt) alive() (bool, error) {
	f, err := os.Open(a.path(holdFile))
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = filelock.Try(f, filelock.Shared)
	if errors.Is(err, filelock.ErrHeld) {
		return true, nil
	}
	return false, err
}

// entries reads the journal's complete lines.
func (a attempt) entries() ([][]byte, error) {
	info, err := os.Stat(a.path(journalFile))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxJournal {
		return nil, fmt.Errorf("the journal %s is larger than %d bytes", a.path(journalFile), maxJournal)
	}
	b, err := os.ReadFile(a.path(journalFile))
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(b, []byte("\n"))
	return lines[:len(lines)-1], nil // what follows the last line break was never finished
}

// report gives the report of an attempt that has come to an end.
func report(entries [][]byte) *rollout.Report {
	for i := len(entries) - 1; i >= 0; i-- {
		var e rollout.Entry
		if err := json.Unmarshal(entries[i], &e); err != nil {
			continue // a torn line in the middle, of a process that died and was started again
		}
		if e.What == rollout.Ended {
			return e.Report
		}
		return nil
	}
	return nil
}

// state says how an attempt stands. The process is asked first: what it wrote before it ended is then read.
func (a attempt) state() (wire.RollState, error) {
	s := wire.RollState{Known: true, Attempt: a.number}
	alive, err := a.alive()
	if err != nil {
		return s, err
	}
	s.Alive = alive
	entries, err := a.entries()
	if err != nil {
		return s, err
	}
	s.Report = report(entries)
	s.Ended = s.Report != nil
	return s, nil
}
