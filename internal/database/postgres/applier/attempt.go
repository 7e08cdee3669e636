package applier

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
)

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
