package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

const (
	holdLimit = time.Minute // how long the advisory lock is polled for
	holdPause = 200 * time.Millisecond
)

// NonTransactional opens a session for one statement outside transactions. The connection check is off, so that the server brings the statement to
// its end when the client dies.
func (d *Database) NonTransactional(ctx context.Context) (apply.NonTransactional, error) {
	if d.markerless() {
		return nil, fmt.Errorf("%w: a statement outside transactions needs markers (database.marker: schema)", apply.ErrStatement)
	}
	s := &nonTransactional{db: d}
	c := d.base.Copy()
	c.DialFunc = s.dial
	conn, err := d.connectBy(ctx, c, d.config.Role)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	s.running.Store(&running{})
	sql := fmt.Sprintf("SET lock_timeout = %d; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = %d; SET synchronous_commit = on; ",
		d.config.LockTimeout.Milliseconds(), d.idle.Milliseconds()) + keepalives
	if version(conn) >= 140000 {
		// A session that nobody uses any more ends by itself, also where a broken network hides that the client is gone.
		sql += fmt.Sprintf("; SET client_connection_check_interval = 0; SET idle_session_timeout = %d", d.idle.Milliseconds())
	}
	if err := run(ctx, conn, "set the session's limits", sql); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	return s, nil
}

type nonTransactional struct {
	db     *Database
	conn   *pgx.Conn
	ticket fence.Ticket // of the last Hold
	held   bool

	running atomic.Pointer[running] // nil until connected
}

// running is the call whose statement the server may be at work on.
type running struct{ ctx context.Context }

var errLetItFinish = errors.New("the statement is left to finish")

// dial opens the connection. Once it stands, the driver dials again only to cancel the running statement, which it also does when the
// connection breaks; then the statement is to finish. Only a caller who gave up has it cancelled.
func (s *nonTransactional) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if r := s.running.Load(); r != nil && (r.ctx == nil || r.ctx.Err() == nil) {
		return nil, errLetItFinish
	}
	return s.db.base.DialFunc(ctx, network, address)
}

// Attempt reads backend and identity; there is no transaction id.
func (s *nonTransactional) Attempt(ctx context.Context) (apply.Attempt, error) {
	return attempt(ctx, s.conn, false)
}

// Hold takes the advisory lock by try and poll, because a session that waits for one would make CONCURRENTLY wait for it in turn. Then it
// compares the number. Once held, it only compares.
func (s *nonTransactional) Hold(ctx context.Context, t fence.Ticket) error {
	ctx, cancel := limit(ctx, holdLimit)
	defer cancel()
	if s.ticket.Run != t.Run {
		if err := named(ctx, s.conn, t, false); err != nil {
			return err
		}
	}
	s.ticket = t
	for !s.held {
		if err := s.db.hold(ctx, s.conn, t, ""); err != nil {
			return err
		}
		var got bool
		err := s.conn.QueryRow(ctx, ours+"SELECT pg_try_advisory_lock($1)", advisoryKey(t)).Scan(&got)
		if err != nil {
			return classify(ctx, s.conn.PgConn(), "take the lock of "+t.App+"/"+t.Environment, err)
		}
		s.held = got
		if got {
			break
		}
		if pause(ctx, holdPause) != nil {
			return busy(s.conn, t)
		}
	}
	return s.db.hold(ctx, s.conn, t, "")
}

// busy names who has the lock.
func busy(conn *pgx.Conn, t fence.Ticket) error {
	ctx, cancel := limit(context.Background(), askLimit)
	defer cancel()
	all, _ := lockHolders(ctx, conn, t)
	names := make([]string, 0, len(all))
	for _, b := range all {
		names = append(names, b.String())
	}
	return fmt.Errorf("%w: the lock of %s/%s is held by %q", apply.ErrLockTimeout, t.App, t.Environment, sorted(names))
}

// Mark commits a marker at once, if the ticket of the last Hold still counts.
func (s *nonTransactional) Mark(ctx context.Context, k apply.Key, m apply.Marker) error {
	err := run(ctx, s.conn, "begin the marker", fmt.Sprintf(
		"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = %d", s.db.config.LockTimeout.Milliseconds()))
	if err != nil {
		return err
	}
	if err := s.record(ctx, k, m); err != nil {
		_ = run(context.WithoutCancel(ctx), s.conn, "roll back the marker", "ROLLBACK")
		return err
	}
	return commit(ctx, s.conn)
}

func (s *nonTransactional) record(ctx context.Context, k apply.Key, m apply.Marker) error {
	if s.ticket.App != k.App || s.ticket.Environment != k.Environment {
		return fmt.Errorf("mark %s/%s: Hold comes first", k.App, k.Environment)
	}
	if err := s.db.hold(ctx, s.conn, s.ticket, " FOR UPDATE"); err != nil {
		return err
	}
	return s.db.mark(ctx, s.conn, k, m)
}

// Exec runs the statement. It has no time limit but ctx: an index build may take hours and stops nobody.
func (s *nonTransactional) Exec(ctx context.Context, q apply.Query) error {
	if buildsConcurrently(q.SQL) {
		// These wait for old transactions without making anybody wait behind them; giving up would only leave an invalid index. A limit
		// that the migration set itself stays.
		_, err := s.conn.Exec(ctx, ours+"SELECT set_config('lock_timeout', '0', false) FROM pg_settings WHERE name = 'lock_timeout' AND setting::bigint = $1",
			s.db.config.LockTimeout.Milliseconds())
		if err != nil {
			return classify(ctx, s.conn.PgConn(), "lift the lock limit", err)
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
		return (p.Target == "index" || p.Target == "table") && script.Statements[0].Transactional == sqltext.NoTransaction
	}
	return false
}

// Close ends the session and with it the lock.
func (s *nonTransactional) Close(ctx context.Context) error {
	ctx, cancel := limit(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	if err := s.conn.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("close the session: %w", err)
	}
	return nil
}
