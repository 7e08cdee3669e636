// Package apply is the machine that applies a migration exactly once: fence, marker, decision after a crash. It is
// plain code over primitives (begin, exec, commit, look) and does no I/O of its own, so that the PostgreSQL adapter and
// the simulator drive the same code. It does not split SQL (sqltext does) and does not know what a release is. Start
// with Run and Decide.
package apply

import (
	"context"
	"errors"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// The sentinels that a Server gives; test with errors.Is.
var (
	// ErrLockTimeout: a lock was not had within lock_timeout, or the server broke a deadlock (SQLSTATE 55P03, 40P01).
	// Nothing of the transaction stays; it may be tried again.
	ErrLockTimeout = errors.New("a lock was not to be had in time")
	// ErrStatement: the server refused a statement. The transaction, if there is one, is aborted.
	ErrStatement = errors.New("the server refused a statement")
	// ErrMarked: the marker exists already; another run applied this unit.
	ErrMarked = errors.New("the unit is marked as applied")
	// ErrEscaped: a statement ended the transaction in which it ran. What came before it may be in place.
	ErrEscaped = errors.New("a statement ended the transaction that was to hold it")
	// ErrNoMarkers: this server keeps no markers; what was noted of attempts and the fate of their transactions decide.
	ErrNoMarkers = errors.New("the database keeps no markers")
	// ErrLost: the connection is gone; what happened to an open transaction is not known.
	ErrLost = errors.New("the connection was lost")
)

// A Key names what is applied: one migration (by the SHA-256 of its exact bytes, hex) in one environment of one app.
type Key struct {
	App         string `json:"app"`
	Environment string `json:"environment"`
	Migration   string `json:"migration"`
}

// A Marker is one row: this unit was applied by that run. It is inserted in the unit's own transaction. For a unit that
// can be in no transaction there are two: the committed intent (Done false) and the committed end (Done true).
type Marker struct {
	Unit   int       `json:"unit"`
	SHA256 string    `json:"sha256"` // of the unit
	Run    string    `json:"run"`
	Fence  int64     `json:"fence"`
	Done   bool      `json:"done"`
	At     time.Time `json:"at"` // the server's clock
}

// An Identity names a server's history. If one of these differs from what was noted before, it is another server, a
// restored copy or a promoted standby, and nothing may be concluded.
type Identity struct {
	System   string `json:"system"` // system identifier
	Timeline int64  `json:"timeline"`
	Database string `json:"database"`
	// of the database, which one that took its name does not have; 0 where it was not noted
	OID uint32 `json:"oid,omitempty"`
}

// Same tells whether two name one history, as far as both were noted.
func (i Identity) Same(o Identity) bool {
	if i.OID == 0 || o.OID == 0 {
		i.OID, o.OID = 0, 0
	}
	return i == o
}

// An Attempt is the fact that is noted before the first statement of a unit: enough to find out later what became of
// it.
type Attempt struct {
	Unit     int       `json:"unit"`
	SHA256   string    `json:"sha256,omitempty"` // of the unit
	XID      string    `json:"xid,omitempty"`    // pg_current_xact_id(); empty for a unit outside transactions
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"` // backend_start
	Identity Identity  `json:"identity"`
}

// Fate is what became of a transaction.
type Fate int

// The fates.
const (
	Committed Fate = iota + 1
	Aborted
	InProgress
	Forgotten // the server no longer knows (too old, or no xid); markers alone decide
	Idle      // a session outside transactions that is between two statements
)

// Effect is what a catalog probe saw of a statement outside transactions.
type Effect int

// What a probe finds.
const (
	Done    Effect = iota + 1 // the statement's effect is there, whole
	NotDone                   // it is certainly not there
	Halfway                   // a left-over of it is there that Remedy removes (an invalid index)
	Other                     // something else is there under that name, or no probe exists: a person must look
)

// A Server is a database as apply needs it. Every call may be repeated; each has its own time limit.
//
// Obligations (applytest.Exercise holds them):
//   - Raise stores the ticket's number so that no smaller one can commit afterwards, ending the old holder's backends
//     where they are in the way; fence.ErrOvertaken when a larger number is stored. It creates the place for markers
//     and number when there is none. When it returns nil the number is durable.
//   - Markers gives the committed markers of a key, by unit; none where the place for them does not exist yet;
//     ErrNoMarkers where there shall be none. A server without markers keeps no number either (Hold and Mark do
//     nothing): Begin gives a transaction only to one client at a time, ErrLockTimeout to others, and Raise ends the
//     one that there is. So a holder who was overtaken finds the ledger closed when it notes its attempt, which it does
//     inside the transaction.
//   - Begin opens a transaction with lock_timeout and the other limits set locally.
//   - NonTransactional opens a session for one statement outside transactions.
type Server interface {
	Identity(ctx context.Context) (Identity, error)
	Raise(ctx context.Context, t fence.Ticket) error
	Markers(ctx context.Context, k Key) ([]Marker, error)
	Begin(ctx context.Context) (Tx, error)
	NonTransactional(ctx context.Context) (NonTransactional, error)
}

// A Query is what Exec sends. The server must find exactly one statement in it, or it is ErrStatement, unless it is
// Undivided. A statement that ends the transaction in which it runs is ErrEscaped, whatever else it gives.
type Query struct {
	SQL       string
	Undivided bool              // a text of several statements
	Progress  func(text string) // hears, while it runs, who is in the way and how far it is; nil: nobody listens
}

// A Tx is one transaction of one unit.
//
// Hold locks the fencing row in this transaction and compares (fence.ErrOvertaken). Mark inserts the marker (ErrMarked
// when it is there already). Exec runs a query. Commit is nil only when the server said COMMIT; a rollback in disguise
// is ErrStatement, a lost answer ErrLost. Rollback ends the transaction whatever its state and releases the connection;
// after Commit it does nothing.
type Tx interface {
	Attempt(ctx context.Context) (Attempt, error)
	Hold(ctx context.Context, t fence.Ticket) error
	Mark(ctx context.Context, k Key, m Marker) error
	Exec(ctx context.Context, q Query) error
	Closer
}

// A Closer ends a transaction.
type Closer interface {
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
}

// A NonTransactional is a session for one unit outside transactions. Hold takes the advisory lock of app and
// environment by try and poll, and compares the number (fence.ErrOvertaken); the lock lives as long as the session.
// Mark commits a marker at once. Exec runs the statement with the connection check off, so that a dead client lets it
// finish. Close ends the session.
type NonTransactional interface {
	Attempt(ctx context.Context) (Attempt, error)
	Hold(ctx context.Context, t fence.Ticket) error
	Mark(ctx context.Context, k Key, m Marker) error
	Exec(ctx context.Context, q Query) error
	Close(ctx context.Context) error
}

// A Recovery decides after a crash. Fate asks the server what became of an attempt's transaction; for one outside
// transactions, InProgress while its backend is at work, Idle while it only lives, else Forgotten. End terminates
// exactly that backend (pid and start must match) and waits until it is gone. Probe looks into the catalog for the
// effect of a statement. Remedy gives the statements that remove the left-over that Probe called Halfway, and an error
// when there is nothing to remove; it runs none of them: the machine does, in the session that holds the lock and the
// number, because a moment later what stands under that name may be somebody else's.
type Recovery interface {
	Fate(ctx context.Context, a Attempt) (Fate, error)
	End(ctx context.Context, a Attempt) error
	Probe(ctx context.Context, s sqltext.Statement) (Effect, string, error)
	Remedy(ctx context.Context, s sqltext.Statement) ([]string, error)
}
