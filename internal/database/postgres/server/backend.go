package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Backend is somebody's session on the server.
type Backend struct {
	PID         int
	Started     time.Time
	Application string
	User        string
	State       string
	Query       string
	Age         time.Duration // of its transaction
}

// Ours tells whether it is a session of a fairlead, this one or another.
func (b Backend) Ours() bool { return strings.HasPrefix(b.Application, AppPrefix) }

// Migrating tells whether it is running a statement that is not fairlead's own.
func (b Backend) Migrating() bool { return b.State == "active" && !strings.HasPrefix(b.Query, Tag) }

// String names it for a person.
func (b Backend) String() string {
	text := fmt.Sprintf("pid %d (user %s, %s", b.PID, b.User, b.State)
	if b.Application != "" {
		text += ", application " + b.Application
	}
	if b.Age > 0 {
		text += fmt.Sprintf(", transaction open for %s", b.Age.Round(time.Second))
	}
	text += ")"
	if b.Query != "" {
		text += ": " + Shortened(b.Query, 120)
	}
	return text
}

const backendColumns = `SELECT a.pid, coalesce(a.backend_start, 'epoch'), coalesce(a.application_name, ''),
	coalesce(a.usename, '?')::text,
	coalesce(a.state, 'state hidden'), left(coalesce(a.query, ''), 1000),
	coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 FROM pg_stat_activity a `

// Backends gives the sessions that the rest of a statement selects, which calls pg_stat_activity a.
func Backends(ctx context.Context, conn *pgx.Conn, rest string, args ...any) ([]Backend, error) {
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, Tag+backendColumns+rest, args...)
	if err != nil {
		return nil, Classify(ctx, conn.PgConn(), "look at the server's sessions", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (Backend, error) {
		var b Backend
		var age float64
		err := r.Scan(&b.PID, &b.Started, &b.Application, &b.User, &b.State, &b.Query, &age)
		b.Age = time.Duration(age * float64(time.Second))
		return b, err
	})
	return all, Classify(ctx, conn.PgConn(), "look at the server's sessions", err)
}

// Blockers gives the sessions that pid waits for.
func Blockers(ctx context.Context, conn *pgx.Conn, pid uint32) ([]Backend, error) {
	return Backends(ctx, conn, "WHERE a.pid = ANY (pg_blocking_pids($1)) ORDER BY a.xact_start LIMIT 20", int32(pid))
}
