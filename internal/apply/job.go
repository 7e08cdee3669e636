package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// ErrUnknown: it cannot be told whether a unit is in place. A person must look; nothing more is run.
var ErrUnknown = errors.New("it is not known whether the migration is in place")

// Limits of the machine. Backoff doubles from FirstPause to LastPause (with jitter; only lock
// timeouts and deadlocks are tried again, because nothing of them stays).
const (
	Attempts   = 8
	FirstPause = 500 * time.Millisecond
	LastPause  = 8 * time.Second
	// SettleLimit is how long the machine waits for the answer to a lost COMMIT, or for a statement whose client is
	// gone.
	SettleLimit = 2 * time.Minute
	settlePause = 200 * time.Millisecond
)

// A Job is one migration to apply in one environment.
type Job struct {
	Key    Key
	Ticket fence.Ticket
	Units  []sqltext.Unit // with their SQL attached
	// Session gives the statements, by index, that a unit's new connection needs first (SET search_path).
	Session map[int]string
	// Facts are those of earlier attempts of this run, oldest first. Where the server keeps no markers, those of
	// earlier runs of the same migration stand before them.
	Facts    []Fact
	Expected *Identity // of the server that was backed up; nil when nothing is expected
	Note     func(context.Context, Fact) error
	Say      func(done, total int, text string) // heard only; never nil
	Clock    Clock
}

// A Clock waits. Sleep returns early with the context's error. Jitter gives a number in [0,1).
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
	Jitter() float64
}

// A Fact is noted durably before what it announces.
type Fact struct {
	What    What      `json:"what"`
	Attempt Attempt   `json:"attempt"`
	Run     string    `json:"-"` // that noted it, and when; known to who reads it back
	At      time.Time `json:"-"`
}

// What a fact announces.
type What string

// The facts. Attempted stands before a unit's first statement, CommitSent before COMMIT.
const (
	Attempted  What = "attempted"
	CommitSent What = "commit-sent"
	// Settled stands after the answer COMMIT. Only a server without markers needs it.
	Settled What = "settled"
	// Escaped stands after a statement that ended the transaction which was to hold it: nothing about this unit can be
	// concluded.
	Escaped What = "escaped"
)

// State is how much of a migration is in place.
type State string

// The states.
const (
	NotApplied State = "not-applied"
	Partial    State = "partial"
	Applied    State = "applied"
	Unknown    State = "unknown"
)

// A Verdict is what Decide concluded. Next is the first unit that is not in place; for an Alone unit Effect tells what
// of it is there. Here counts the units in place that this run committed, By is the run that applied the last unit in
// place, IntendedBy the run whose committed intent stands at Next; Why one sentence.
type Verdict struct {
	State      State
	Next       int
	Here       int
	Effect     Effect
	Intended   bool // the unit at Next has a committed intent
	IntendedBy string
	By         string
	Markerless bool // the server keeps no markers
	Why        string
}

// A Result tells what Run found and did.
type Result struct {
	Applied int    // units in place now
	Here    int    // of these, committed by this run, in this attempt or an earlier one
	By      string // the run that had applied it, when Here is 0
}

// A Failure is a unit that did not go through and of which nothing stays. The units before it are in place.
type Failure struct {
	Unit      int
	Statement *sqltext.Statement // nil when no statement is to blame
	Result    Result
	Err       error
}

// Error names the unit and the line of the statement.
func (f *Failure) Error() string {
	if f.Statement == nil {
		return fmt.Sprintf("unit %d: %v", f.Unit+1, f.Err)
	}
	return fmt.Sprintf("line %d: %v", f.Statement.Line, f.Err)
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Marked is a marker with the migration that it belongs to: its SHA-256 or, where a run applied it once more on
// purpose, what that run called it.
type Marked struct {
	Migration string `json:"migration"`
	Marker
}
