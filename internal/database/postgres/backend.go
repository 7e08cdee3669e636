package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

// backend is somebody's session on the server.
type backend struct {
	PID         int
	Started     time.Time
	Application string
	User        string
	State       string
	Query       string
	Age         time.Duration // of its transaction
}

// ours tells whether it is a session of a fairlead, this one or another.
func (b backend) ours() bool { return strings.HasPrefix(b.Application, appPrefix) }

// migrating tells whether it is running a statement that is not fairlead's own.
func (b backend) migrating() bool { return b.State == "active" && !strings.HasPrefix(b.Query, ours) }

// String names it for a person.
func (b backend) String() string {
	text := fmt.Sprintf("pid %d (user %s, %s", b.PID, b.User, b.State)
	if b.Application != "" {
		text += ", application " + b.Application
	}
	if b.Age > 0 {
		text += fmt.Sprintf(", transaction open for %s", b.Age.Round(time.Second))
	}
	text += ")"
	if b.Query != "" {
		text += ": " + shortened(b.Query, 120)
	}
	return text
}

// shortened puts a statement on one line and cuts it.
func shortened(sql string, most int) string {
	return fault.Clip(strings.Join(strings.Fields(sql), " "), most)
}

const backendColumns = `SELECT a.pid, coalesce(a.backend_start, 'epoch'), coalesce(a.application_name, ''), coalesce(a.usename, '?')::text,
	coalesce(a.state, 'state hidden'), left(coalesce(a.query, ''), 1000),
	coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 FROM pg_stat_activity a `

func backends(ctx context.Context, conn *pgx.Conn, rest string, args ...any) ([]backend, error) {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	rows, err := conn.Query(ctx, ours+backendColumns+rest, args...)
	if err != nil {
		return nil, classify(ctx, conn.PgConn(), "look at the server's sessions", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (backend, error) {
		var b backend
		var age float64
		err := r.Scan(&b.PID, &b.Started, &b.Application, &b.User, &b.State, &b.Query, &age)
		b.Age = time.Duration(age * float64(time.Second))
		return b, err
	})
	return all, classify(ctx, conn.PgConn(), "look at the server's sessions", err)
}

// blockersOf gives the sessions that pid waits for.
func blockersOf(ctx context.Context, conn *pgx.Conn, pid uint32) ([]backend, error) {
	return backends(ctx, conn, "WHERE a.pid = ANY (pg_blocking_pids($1)) ORDER BY a.xact_start LIMIT 20", int32(pid))
}

// lockHolders gives the sessions that hold the advisory lock of an app and environment.
func lockHolders(ctx context.Context, conn *pgx.Conn, t fence.Ticket) ([]backend, error) {
	key := uint64(advisoryKey(t))
	return backends(ctx, conn, `JOIN pg_locks l ON l.pid = a.pid WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND a.pid <> pg_backend_pid()`, int64(key>>32), int64(key&0xffffffff))
}

// advisoryKey is the number of the advisory lock of an app and environment.
func advisoryKey(t fence.Ticket) int64 {
	sum := sha256.Sum256([]byte("fairlead\x00" + t.App + "\x00" + t.Environment))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}
