package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
)

// idleLimit is how long a session of ours may sit between two statements before the server ends it: longer than any note takes to
// become durable, short enough that a stopped operator does not hold locks for long.
const idleLimit = time.Minute

// keepalives let the server notice a broken network.
const keepalives = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4"

// Begin opens a transaction with all limits set.
func (d *Database) Begin(ctx context.Context) (apply.Tx, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.begin(ctx, conn); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	if d.markerless() {
		if err := d.lone(ctx, conn); err != nil {
			hangUp(ctx, conn)
			return nil, err
		}
	}
	return &tx{db: d, conn: conn}, nil
}

func (d *Database) begin(ctx context.Context, conn *pgx.Conn) error {
	v := version(conn)
	if v >= 140000 {
		// A backend whose client is gone ends within 200 ms instead of finishing its statement.
		if err := run(ctx, conn, "set the connection check", "SET client_connection_check_interval = '200ms'; "+keepalives); err != nil {
			return err
		}
	}
	sql := fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
		SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d;
		SET LOCAL idle_in_transaction_session_timeout = %d; SET LOCAL synchronous_commit = on`,
		d.config.LockTimeout.Milliseconds(), d.config.StatementTimeout.Milliseconds(), d.idle.Milliseconds())
	if v >= 170000 {
		sql += "; SET LOCAL transaction_timeout = 0"
	}
	return run(ctx, conn, "begin", sql)
}

type tx struct {
	db     *Database
	conn   *pgx.Conn
	ended  bool
	sealed bool // the number of the transaction is given to nobody else, whatever happens
}

// Attempt reads transaction id, backend and identity.
func (t *tx) Attempt(ctx context.Context) (apply.Attempt, error) {
	if t.ended {
		return apply.Attempt{}, errEnded
	}
	a, err := attempt(ctx, t.conn, true)
	if err != nil || t.sealed {
		return a, err
	}
	t.sealed = true
	return a, t.db.seal(ctx)
}

// seal makes the server remember, across a crash, that the number of the transaction is taken. It gives numbers that left no trace on
// disk again to others, whose COMMIT would then be mistaken for ours. A later transaction that is written to disk is such a trace.
func (d *Database) seal(ctx context.Context) error {
	return d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return run(ctx, conn, "seal the transaction's number", "SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'fairlead', '')")
	})
}

var errEnded = fmt.Errorf("%w: the transaction has ended", apply.ErrLost)

// Hold locks the fencing row and compares.
func (t *tx) Hold(ctx context.Context, k fence.Ticket) error {
	if t.ended {
		return errEnded
	}
	if err := named(ctx, t.conn, k, true); err != nil || t.db.markerless() {
		return err
	}
	return t.db.hold(ctx, t.conn, k, " FOR UPDATE")
}

// named shows the run in pg_stat_activity, for whoever looks at the server meanwhile.
func named(ctx context.Context, conn *pgx.Conn, k fence.Ticket, local bool) error {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	_, err := conn.Exec(ctx, ours+"SELECT set_config('application_name', $1, $2)", applicationName(k.Run), local)
	return classify(ctx, conn.PgConn(), "name the session", err)
}

// Mark inserts the marker.
func (t *tx) Mark(ctx context.Context, k apply.Key, m apply.Marker) error {
	if t.ended {
		return errEnded
	}
	return t.db.mark(ctx, t.conn, k, m)
}

// Exec runs one statement.
func (t *tx) Exec(ctx context.Context, q apply.Query) error {
	if t.ended {
		return errEnded
	}
	ctx, cancel := limit(ctx, t.db.config.StatementTimeout+askLimit)
	defer cancel()
	err := t.db.exec(ctx, t.conn, q)
	if t.conn.PgConn().TxStatus() == 'I' && !errors.Is(err, apply.ErrEscaped) && !t.conn.PgConn().IsClosed() {
		return afterEscape(err)
	}
	return err
}

// Commit is nil only when the server said COMMIT.
func (t *tx) Commit(ctx context.Context) error {
	if t.ended {
		return errEnded
	}
	t.ended = true
	defer hangUp(ctx, t.conn)
	return commit(ctx, t.conn)
}

func commit(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := limit(ctx, 2*askLimit)
	defer cancel()
	results, err := conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
	if err != nil {
		return classify(ctx, conn.PgConn(), "commit", err)
	}
	if len(results) != 1 || results[0].CommandTag.String() != "COMMIT" {
		return fmt.Errorf("%w: COMMIT was answered by ROLLBACK: the transaction had failed before", apply.ErrStatement)
	}
	return nil
}

// Rollback ends the transaction and releases the connection. It is an error only when the server did not confirm it.
func (t *tx) Rollback(ctx context.Context) error {
	if t.ended {
		return nil
	}
	t.ended = true
	defer hangUp(ctx, t.conn)
	if t.conn.PgConn().IsClosed() {
		return fmt.Errorf("roll back: %w", apply.ErrLost)
	}
	return run(context.WithoutCancel(ctx), t.conn, "roll back", "ROLLBACK")
}

// mark inserts one marker and gives ErrMarked when there is one.
func (d *Database) mark(ctx context.Context, conn *pgx.Conn, k apply.Key, m apply.Marker) error {
	if d.markerless() {
		return nil
	}
	ctx, cancel := limit(ctx, d.config.LockTimeout+askLimit)
	defer cancel()
	_, err := conn.Exec(ctx, ours+"INSERT INTO "+d.table("applied")+` (app, environment, migration, unit, sha256, run, fence, xid, done)
		VALUES ($1, $2, $3, $4, $5, $6, $7, pg_current_xact_id()::text, $8)`,
		k.App, k.Environment, k.Migration, m.Unit, m.SHA256, m.Run, m.Fence, m.Done)
	err = classify(ctx, conn.PgConn(), "insert the marker", err)
	if code(err) == codeUniqueViolation {
		return fmt.Errorf("%w: unit %d of %.12s", apply.ErrMarked, m.Unit+1, k.Migration)
	}
	return err
}

// Markers gives the committed markers of a key.
func (d *Database) Markers(ctx context.Context, k apply.Key) ([]apply.Marker, error) {
	if d.markerless() {
		return nil, apply.ErrNoMarkers
	}
	var all []apply.Marker
	err := d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, tables, err := d.settled(ctx, conn)
		if err != nil || !tables {
			return err
		}
		ctx, cancel := limit(ctx, askLimit)
		defer cancel()
		rows, err := conn.Query(ctx, "SELECT unit, sha256, run, fence, done, at FROM "+d.table("applied")+
			" WHERE app = $1 AND environment = $2 AND migration = $3 ORDER BY unit, done", k.App, k.Environment, k.Migration)
		if err != nil {
			return classify(ctx, conn.PgConn(), "read markers", err)
		}
		all, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (apply.Marker, error) {
			var m apply.Marker
			err := r.Scan(&m.Unit, &m.SHA256, &m.Run, &m.Fence, &m.Done, &m.At)
			m.At = m.At.UTC()
			return m, err
		})
		return classify(ctx, conn.PgConn(), "read markers", err)
	})
	return all, err
}

// hold reads the fencing row and compares it with the ticket; lock is "" or " FOR UPDATE".
func (d *Database) hold(ctx context.Context, conn *pgx.Conn, k fence.Ticket, lock string) error {
	ctx, cancel := limit(ctx, d.config.LockTimeout+askLimit)
	defer cancel()
	watch := d.watch(ctx, conn.PgConn().PID(), apply.Query{})
	known, err := d.known(ctx, conn, k.App, k.Environment, lock)
	blockers := watch()
	if err != nil {
		return classify(ctx, conn.PgConn(), "read the takeover number", inTheWay(err, blockers))
	}
	if known.Ledger == "" {
		return fmt.Errorf("read the takeover number: %w: there is no row for %s/%s; it was there when this run began",
			apply.ErrStatement, k.App, k.Environment)
	}
	return k.Check(known)
}

// known gives the fencing row, or a Ticket without a ledger when there is none.
func (d *Database) known(ctx context.Context, conn *pgx.Conn, app, environment, lock string) (fence.Ticket, error) {
	k := fence.Ticket{App: app, Environment: environment}
	err := conn.QueryRow(ctx, ours+"SELECT ledger, number, run, holder FROM "+d.table("fence")+
		" WHERE app = $1 AND environment = $2"+lock, app, environment).Scan(&k.Ledger, &k.Number, &k.Run, &k.Holder)
	if errors.Is(err, pgx.ErrNoRows) {
		return k, nil
	}
	return k, err
}
