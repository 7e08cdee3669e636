package applier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

const (
	raiseLimit   = 2 * time.Minute
	raisePause   = 200 * time.Millisecond
	raiseTimeout = "1s" // lock_timeout of one attempt
)

// Raise puts the ticket's number into the database and ends the sessions of older holders that could still change
// something: those that hold the fencing row, and those that hold the lock for statements outside transactions but are
// between two statements. A statement outside transactions that is already running is left to finish; its holder can do
// nothing after it.
func (a *Applier) Raise(ctx context.Context, t fence.Ticket) error {
	if t.Ledger == "" || t.Number < 1 || t.App == "" || t.Environment == "" {
		return fmt.Errorf("raise the takeover number: the ticket is incomplete")
	}
	ctx, cancel := context.WithTimeout(ctx, raiseLimit)
	defer cancel()
	if a.Markerless() {
		return a.evict(ctx, t)
	}
	var inTheWay error
	for {
		err := a.raiseOnce(ctx, t)
		if err == nil {
			return a.evict(ctx, t)
		}
		if !worthRepeating(err) {
			return err
		}
		if errors.Is(err, apply.ErrLockTimeout) || inTheWay == nil {
			inTheWay = err
		}
		if server.Sleep(ctx, raisePause) != nil {
			return inTheWay
		}
	}
}

func worthRepeating(err error) bool {
	if _, final := fault.Find(err); final {
		return false
	}
	return errors.Is(err, apply.ErrLockTimeout) || errors.Is(err, apply.ErrLost) ||
		errors.Is(err, database.ErrUnreachable)
}

func (a *Applier) raiseOnce(ctx context.Context, t fence.Ticket) error {
	conn, err := a.server.Connect(ctx)
	if err != nil {
		return err
	}
	defer server.Close(ctx, conn)
	if err := a.createTables(ctx, conn); err != nil {
		return err
	}
	if err := a.refuseOlder(ctx, conn, t); err != nil {
		return err // before anybody's session is ended
	}
	stop := a.endBlockers(ctx, conn.PgConn().PID())
	err = a.storeFence(ctx, conn, t)
	stranger := stop()
	if err != nil && stranger != "" {
		return fmt.Errorf("%w; the row is locked by %s, which is not fairlead", err, stranger)
	}
	return err
}

// refuseOlder refuses a number that is too small already.
func (a *Applier) refuseOlder(ctx context.Context, conn *pgx.Conn, t fence.Ticket) error {
	known, err := a.Fence(ctx, conn, t.App, t.Environment, "")
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "read the takeover number", err)
	}
	if known.Ledger == "" {
		return nil
	}
	return t.Check(known)
}

// storeFence updates the row in one transaction.
func (a *Applier) storeFence(ctx context.Context, conn *pgx.Conn, t fence.Ticket) error {
	const what = "raise the takeover number"
	err := server.Run(ctx, conn, what, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL "+
		"synchronous_commit = on; SET LOCAL lock_timeout = '"+raiseTimeout+"'")
	if err != nil {
		return err
	}
	args := []any{t.App, t.Environment, t.Ledger, t.Number, t.Run, t.Holder}
	_, err = conn.Exec(ctx, server.Tag+"INSERT INTO "+a.TableName("fence")+
		` (app, environment, ledger, number, run, holder)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, args...)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), what, err)
	}
	known, err := a.Fence(ctx, conn, t.App, t.Environment, " FOR UPDATE")
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), what, err)
	}
	if err := t.Check(known); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, server.Tag+"UPDATE "+a.TableName("fence")+
		` SET number = $4, run = $5, holder = $6, at = clock_timestamp()
		WHERE app = $1 AND environment = $2 AND ledger = $3`, args...)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), what, err)
	}
	return commit(ctx, conn)
}

// endBlockers ends the sessions of ours that keep pid waiting, on a second connection, until the function it gives is
// called; that one waits for the end and names the last stranger that was in the way, or "".
func (a *Applier) endBlockers(ctx context.Context, pid uint32) func() string {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan string, 1)
	go func() { result <- a.endBlockersOf(ctx, pid) }()
	return func() string {
		cancel()
		return <-result
	}
}

func (a *Applier) endBlockersOf(ctx context.Context, pid uint32) string {
	if server.Sleep(ctx, raisePause) != nil {
		return "" // the usual case: nobody was in the way
	}
	conn, err := a.server.ConnectAs(ctx, "")
	if err != nil {
		return ""
	}
	defer server.Close(ctx, conn)
	stranger := ""
	for ; ctx.Err() == nil; _ = server.Sleep(ctx, raisePause) {
		all, err := server.Blockers(ctx, conn, pid)
		if err != nil {
			return stranger
		}
		for _, b := range all {
			if !b.Ours() {
				stranger = b.String()
				continue
			}
			_, _ = conn.Exec(ctx, terminateSQL, b.PID, b.Started)
		}
	}
	return stranger
}

// terminateSQL ends exactly one backend; a later one with the same pid is not met.
const terminateSQL = server.Tag + `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1
	AND backend_start = $2`

// evict ends sessions that hold the lock for statements outside transactions while they are between two statements:
// what they send next would come from a holder who was overtaken. A migration's statement that is running already was
// sent in time. What a session sends later is refused, because it looks at the number first.
func (a *Applier) evict(ctx context.Context, t fence.Ticket) error {
	return a.server.WithLogin(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		for {
			idle, err := a.idleHolders(ctx, conn, t)
			if err != nil || len(idle) == 0 {
				return err
			}
			for _, b := range idle {
				if _, err := conn.Exec(ctx, terminateSQL, b.PID, b.Started); err != nil {
					return server.Classify(ctx, conn.PgConn(), fmt.Sprintf("end the old holder's session (%s)", b), err)
				}
			}
			if err := server.Sleep(ctx, raisePause/4); err != nil {
				return fmt.Errorf("end the old holder's session (%s): %w", idle[0], err)
			}
		}
	})
}

func (a *Applier) idleHolders(ctx context.Context, conn *pgx.Conn, t fence.Ticket) ([]server.Backend, error) {
	all, err := lockHolders(ctx, conn, t)
	var idle []server.Backend
	for _, b := range all {
		// without markers only transactions hold it, and nothing of them stays
		if b.Ours() && (a.Markerless() || !b.Migrating()) {
			idle = append(idle, b)
		}
	}
	return idle, err
}
