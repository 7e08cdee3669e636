package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
)

// markerless tells whether nothing of fairlead is to stand in the database (database.marker: none).
func (d *Database) markerless() bool { return d.config.Marker == "none" }

// lone takes the advisory lock of app and environment for the transaction, by try and poll. There is one such transaction at a time:
// Raise ends it, so that what an older holder has noted is decided before the next one begins.
func (d *Database) lone(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := limit(ctx, d.config.LockTimeout+askLimit)
	defer cancel()
	t := fence.Ticket{App: d.session.App, Environment: d.session.Environment}
	polls := 1 + int(d.config.LockTimeout/holdPause)
	for n := 1; ; n++ {
		var got bool
		if err := conn.QueryRow(ctx, ours+"SELECT pg_try_advisory_xact_lock($1)", advisoryKey(t)).Scan(&got); err != nil {
			return classify(ctx, conn.PgConn(), "take the lock of "+t.App+"/"+t.Environment, err)
		}
		if got {
			return nil
		}
		if n == polls {
			return busy(conn, t)
		}
		if err := pause(ctx, holdPause); err != nil {
			return fmt.Errorf("take the lock of %s/%s: %w: %w", t.App, t.Environment, apply.ErrLost, err)
		}
	}
}
