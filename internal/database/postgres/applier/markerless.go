package applier

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fence"
)

// Markerless tells whether nothing of fairlead is to stand in the database (database.marker: none).
func (a *Applier) Markerless() bool { return a.server.Config.Marker == "none" }

// lockApp takes the advisory lock of app and environment for the transaction, by try and poll. There is one such
// transaction at a time: Raise ends it, so that what an older holder has noted is decided before the next one begins.
func (a *Applier) lockApp(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, a.server.Config.LockTimeout+server.QueryLimit)
	defer cancel()
	t := fence.Ticket{App: a.server.Session.App, Environment: a.server.Session.Environment}
	polls := 1 + int(a.server.Config.LockTimeout/holdPause)
	for n := 1; ; n++ {
		var got bool
		if err := conn.QueryRow(ctx, server.Tag+"SELECT pg_try_advisory_xact_lock($1)",
			advisoryKey(t)).Scan(&got); err != nil {
			return server.Classify(ctx, conn.PgConn(), "take the lock of "+t.App+"/"+t.Environment, err)
		}
		if got {
			return nil
		}
		if n == polls {
			return busy(conn, t)
		}
		if err := server.Sleep(ctx, holdPause); err != nil {
			return fmt.Errorf("take the lock of %s/%s: %w: %w", t.App, t.Environment, apply.ErrLost, err)
		}
	}
}
