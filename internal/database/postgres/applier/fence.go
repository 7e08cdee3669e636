package applier

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fence"
)

// lockHolders gives the sessions that hold the advisory lock of an app and environment.
func lockHolders(ctx context.Context, conn *pgx.Conn, t fence.Ticket) ([]server.Backend, error) {
	key := uint64(advisoryKey(t))
	return server.Backends(ctx, conn, `JOIN pg_locks l ON l.pid = a.pid WHERE l.locktype = 'advisory' AND l.granted
		AND l.objsubid = 1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND a.pid <> pg_backend_pid()`, int64(key>>32),
		int64(key&0xffffffff))
}

// advisoryKey is the number of the advisory lock of an app and environment.
func advisoryKey(t fence.Ticket) int64 {
	sum := sha256.Sum256([]byte("fairlead\x00" + t.App + "\x00" + t.Environment))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// checkFence reads the fencing row and compares it with the ticket; lock is "" or " FOR UPDATE".
func (a *Applier) checkFence(ctx context.Context, conn *pgx.Conn, k fence.Ticket, lock string) error {
	ctx, cancel := context.WithTimeout(ctx, a.server.Config.LockTimeout+server.QueryLimit)
	defer cancel()
	watch := a.watch(ctx, conn.PgConn().PID(), apply.Query{})
	known, err := a.Fence(ctx, conn, k.App, k.Environment, lock)
	blockers := watch()
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "read the takeover number", server.WithBlockers(err, blockers))
	}
	if known.Ledger == "" {
		return fmt.Errorf("read the takeover number: %w: there is no row for %s/%s; it was there when this run began",
			apply.ErrStatement, k.App, k.Environment)
	}
	return k.Check(known)
}

// Fence gives the fencing row, or a Ticket without a ledger when there is none.
func (a *Applier) Fence(ctx context.Context, conn *pgx.Conn, app, environment, lock string) (fence.Ticket, error) {
	k := fence.Ticket{App: app, Environment: environment}
	err := conn.QueryRow(ctx, server.Tag+"SELECT ledger, number, run, holder FROM "+a.TableName("fence")+
		" WHERE app = $1 AND environment = $2"+lock, app, environment).Scan(&k.Ledger, &k.Number, &k.Run, &k.Holder)
	if errors.Is(err, pgx.ErrNoRows) {
		return k, nil
	}
	return k, err
}

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
