package applier

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

const (
	holdLimit = time.Minute // how long the advisory lock is polled for
	holdPause = 200 * time.Millisecond
)

// NonTransactional opens a session for one statement outside transactions. The connection check is off, so that the
// server brings the statement to its end when the client dies.
func (a *Applier) NonTransactional(ctx context.Context) (apply.NonTransactional, error) {
	if a.Markerless() {
		return nil, fmt.Errorf("%w: a statement outside transactions needs markers (database.marker: schema)",
			apply.ErrStatement)
	}
	s := &nonTransactional{db: a}
	c := a.server.Base.Copy()
	c.DialFunc = s.dial
	conn, err := a.server.ConnectBy(ctx, c, a.server.Config.Role)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	s.running.Store(&running{})
	sql := fmt.Sprintf("SET lock_timeout = %d; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = "+
		"%d; SET synchronous_commit = on; ",
		a.server.Config.LockTimeout.Milliseconds(), a.server.IdleTimeout.Milliseconds()) + keepalives
	if server.Version(conn) >= 140000 {
		// A session that nobody uses any more ends by itself, also where a broken network hides that the client is
		// gone.
		sql += fmt.Sprintf("; SET client_connection_check_interval = 0; SET idle_session_timeout = %d",
			a.server.IdleTimeout.Milliseconds())
	}
	if err := server.Run(ctx, conn, "set the session's limits", sql); err != nil {
		server.Close(ctx, conn)
		return nil, err
	}
	return s, nil
}

type nonTransactional struct {
	db     *Applier
	conn   *pgx.Conn
	ticket fence.Ticket // of the last Hold
	held   bool

	running atomic.Pointer[running] // nil until connected
}

// running is the call whose statement the server may be at work on.
type running struct{ ctx context.Context }

var errLetItFinish = errors.New("the statement is left to finish")

// dial opens the connection. Once it stands, the driver dials again only to cancel the running statement, which it also
// does when the connection breaks; then the statement is to finish. Only a caller who gave up has it cancelled.
func (s *nonTransactional) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if r := s.running.Load(); r != nil && (r.ctx == nil || r.ctx.Err() == nil) {
		return nil, errLetItFinish
	}
	return s.db.server.Base.DialFunc(ctx, network, address)
}

// Attempt reads backend and identity; there is no transaction id.
func (s *nonTransactional) Attempt(ctx context.Context) (apply.Attempt, error) {
	return attempt(ctx, s.conn, false)
}

// Hold takes the advisory lock by try and poll, because a session that waits for one would make CONCURRENTLY wait for
// it in turn. Then it compares the number. Once held, it only compares.
func (s *nonTransactional) Hold(ctx context.Context, t fence.Ticket) error {
	ctx, cancel := context.WithTimeout(ctx, holdLimit)
	defer cancel()
	if s.ticket.Run != t.Run {
		if err := named(ctx, s.conn, t, false); err != nil {
			return err
		}
	}
	s.ticket = t
	for !s.held {
		if err := s.db.checkFence(ctx, s.conn, t, ""); err != nil {
			return err
		}
		var got bool
		err := s.conn.QueryRow(ctx, server.Tag+"SELECT pg_try_advisory_lock($1)", advisoryKey(t)).Scan(&got)
		if err != nil {
			return server.Classify(ctx, s.conn.PgConn(), "take the lock of "+t.App+"/"+t.Environment, err)
		}
		s.held = got
		if got {
			break
		}
		if server.Sleep(ctx, holdPause) != nil {
			return busy(s.conn, t)
		}
	}
	return s.db.checkFence(ctx, s.conn, t, "")
}

// busy names who has the lock.
func busy(conn *pgx.Conn, t fence.Ticket) error {
	ctx, cancel := context.WithTimeout(context.Background(), server.QueryLimit)
	defer cancel()
	all, _ := lockHolders(ctx, conn, t)
	names := make([]string, 0, len(all))
	for _, b := range all {
		names = append(names, b.String())
	}
	slices.Sort(names)
	return fmt.Errorf("%w: the lock of %s/%s is held by %q", apply.ErrLockTimeout, t.App, t.Environment, names)
}

// Mark commits a marker at once, if the ticket of the last Hold still counts.
func (s *nonTransactional) Mark(ctx context.Context, k apply.Key, m apply.Marker) error {
	err := server.Run(ctx, s.conn, "begin the marker", fmt.Sprintf(
		"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout "+
			"= %d", s.db.server.Config.LockTimeout.Milliseconds()))
	if err != nil {
		return err
	}
	if err := s.record(ctx, k, m); err != nil {
		_ = server.Run(context.WithoutCancel(ctx), s.conn, "roll back the marker", "ROLLBACK")
		return err
	}
	return commit(ctx, s.conn)
}

func (s *nonTransactional) record(ctx context.Context, k apply.Key, m apply.Marker) error {
	if s.ticket.App != k.App || s.ticket.Environment != k.Environment {
		return fmt.Errorf("mark %s/%s: Hold comes first", k.App, k.Environment)
	}
	if err := s.db.checkFence(ctx, s.conn, s.ticket, " FOR UPDATE"); err != nil {
		return err
	}
	return s.db.mark(ctx, s.conn, k, m)
}

// Exec runs the statement. It has no time limit but ctx: an index build may take hours and stops nobody.
func (s *nonTransactional) Exec(ctx context.Context, q apply.Query) error {
	if buildsConcurrently(q.SQL) {
		// These wait for old transactions without making anybody wait behind them; giving up would only leave an
		// invalid index. A limit that the migration set itself stays.
		_, err := s.conn.Exec(ctx, server.Tag+"SELECT set_config('lock_timeout', '0', false) FROM pg_settings WHERE "+
			"name = 'lock_timeout' AND setting::bigint = $1", s.db.server.Config.LockTimeout.Milliseconds())
		if err != nil {
			return server.Classify(ctx, s.conn.PgConn(), "lift the lock limit", err)
		}
	}
	s.running.Store(&running{ctx})
	return s.db.exec(ctx, s.conn, q)
}

// buildsConcurrently finds CREATE, DROP and REINDEX INDEX CONCURRENTLY.
func buildsConcurrently(sql string) bool {
	script, err := sqltext.Parse([]byte(sql))
	if err != nil || len(script.Statements) != 1 || script.Statements[0].Probe == nil {
		return false
	}
	switch p := script.Statements[0].Probe; p.What {
	case sqltext.IndexValid, sqltext.IndexGone:
		return true
	case sqltext.IndexRebuilt:
		return (p.Target == "index" || p.Target == "table") &&
			script.Statements[0].Transactional == sqltext.NoTransaction
	}
	return false
}

// Close ends the session and with it the lock.
func (s *nonTransactional) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), server.CloseLimit)
	defer cancel()
	if err := s.conn.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("close the session: %w", err)
	}
	return nil
}
