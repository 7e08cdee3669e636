// Package applier gives package apply its primitives on a PostgreSQL server: transactions and sessions under the
// takeover number, markers, the fates of attempts, and probes of what a statement left. It decides nothing: apply does.
// Start with Applier.Begin.
package applier

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fence"
)

// keepalives let the server notice a broken network.
const keepalives = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4"

// An Applier gives package apply its primitives on one database.
type Applier struct{ server *server.Server }

// New gives one over a server.
func New(s *server.Server) *Applier { return &Applier{s} }

// Begin opens a transaction with all limits set.
func (a *Applier) Begin(ctx context.Context) (apply.Tx, error) {
	conn, err := a.server.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.begin(ctx, conn); err != nil {
		server.Close(ctx, conn)
		return nil, err
	}
	if a.Markerless() {
		if err := a.lockApp(ctx, conn); err != nil {
			server.Close(ctx, conn)
			return nil, err
		}
	}
	return &tx{db: a, conn: conn}, nil
}

func (a *Applier) begin(ctx context.Context, conn *pgx.Conn) error {
	v := server.Version(conn)
	if v >= 140000 {
		// A backend whose client is gone ends within 200 ms instead of finishing its statement.
		if err := server.Run(ctx, conn, "set the connection check", "SET client_connection_check_interval = '200ms'; "+
			keepalives); err != nil {
			return err
		}
	}
	sql := fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
		SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d;
		SET LOCAL idle_in_transaction_session_timeout = %d; SET LOCAL synchronous_commit = on`,
		a.server.Config.LockTimeout.Milliseconds(), a.server.Config.StatementTimeout.Milliseconds(),
		a.server.IdleTimeout.Milliseconds())
	if v >= 170000 {
		sql += "; SET LOCAL transaction_timeout = 0"
	}
	return server.Run(ctx, conn, "begin", sql)
}

type tx struct {
	db     *Applier
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
	return a, t.db.persistXID(ctx)
}

var errEnded = fmt.Errorf("%w: the transaction has ended", apply.ErrLost)

// Hold locks the fencing row and compares.
func (t *tx) Hold(ctx context.Context, k fence.Ticket) error {
	if t.ended {
		return errEnded
	}
	if err := named(ctx, t.conn, k, true); err != nil || t.db.Markerless() {
		return err
	}
	return t.db.checkFence(ctx, t.conn, k, " FOR UPDATE")
}

// named shows the run in pg_stat_activity, for whoever looks at the server meanwhile.
func named(ctx context.Context, conn *pgx.Conn, k fence.Ticket, local bool) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	_, err := conn.Exec(ctx, server.Tag+"SELECT set_config('application_name', $1, $2)", server.ApplicationName(k.Run),
		local)
	return server.Classify(ctx, conn.PgConn(), "name the session", err)
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
	ctx, cancel := context.WithTimeout(ctx, t.db.server.Config.StatementTimeout+server.QueryLimit)
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
	defer server.Close(ctx, t.conn)
	return commit(ctx, t.conn)
}

func commit(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 2*server.QueryLimit)
	defer cancel()
	results, err := conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "commit", err)
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
	defer server.Close(ctx, t.conn)
	if t.conn.PgConn().IsClosed() {
		return fmt.Errorf("roll back: %w", apply.ErrLost)
	}
	return server.Run(context.WithoutCancel(ctx), t.conn, "roll back", "ROLLBACK")
}

// Identity reads who the server is.
func (a *Applier) Identity(ctx context.Context) (apply.Identity, error) {
	var id apply.Identity
	err := a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		err := conn.QueryRow(ctx, "SELECT "+server.FullIdentitySQL).Scan(&id.System, &id.Timeline, &id.Database,
			&id.OID)
		return server.Classify(ctx, conn.PgConn(), "read the server's identity", err)
	})
	return id, err
}

// attempt reads the facts of the session; the transaction id only where there is to be one.
func attempt(ctx context.Context, conn *pgx.Conn, transaction bool) (apply.Attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	xid := "''"
	if transaction {
		xid = "pg_current_xact_id()::text"
	}
	var a apply.Attempt
	err := conn.QueryRow(ctx, server.Tag+"SELECT "+xid+", pid, backend_start, "+server.FullIdentitySQL+
		" FROM pg_stat_activity WHERE pid = pg_backend_pid()").
		Scan(&a.XID, &a.PID, &a.Started, &a.Identity.System, &a.Identity.Timeline, &a.Identity.Database,
			&a.Identity.OID)
	a.Started = a.Started.UTC()
	return a, server.Classify(ctx, conn.PgConn(), "read the facts of the session", err)
}

// persistXID makes the server remember, across a crash, that the number of the transaction is taken. It gives numbers
// that left no trace on disk again to others, whose COMMIT would then be mistaken for ours. A later transaction that is
// written to disk is such a trace.
func (a *Applier) persistXID(ctx context.Context) error {
	return a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return server.Run(ctx, conn, "seal the transaction's number",
			"SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'fairlead', '')")
	})
}
