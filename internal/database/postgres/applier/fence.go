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
