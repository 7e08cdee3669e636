package server

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
)

// checkSession refuses poolers that do not give a session a server process of its own, and takes on the role.
func (s *Server) checkSession(ctx context.Context, conn *pgx.Conn, role string) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return s.unreachable(err)
	}
	if announced := conn.PgConn().PID(); announced != pid {
		if err := s.RefusePooler(ctx, conn); err != nil {
			return fmt.Errorf("pid %d was announced, %d was found: %w", announced, pid, err)
		}
	}
	if role == "" {
		return nil
	}
	if _, err := conn.Exec(ctx, "SET ROLE "+pgx.Identifier{role}.Sanitize()); err != nil {
		return Classify(ctx, conn.PgConn(), "take on role "+role, err)
	}
	return nil
}

// rivals is how many other sessions take what a pooler has put back.
const rivals = 2

// RefusePooler refuses a pooler that serves a session now by one and now by another server process: over three
// transactions of one session, while other sessions of ours are in a transaction of their own, the process must stay
// the same. A pooler in session mode passes, and one that only passes the server's own number on is found too.
func (s *Server) RefusePooler(ctx context.Context, conn *pgx.Conn) error {
	var others []*pgx.Conn
	silent := s.Base.Copy()
	silent.OnNotice = nil // a COMMIT of no transaction is no news
	for range rivals {
		other, err := pgx.ConnectConfig(ctx, silent)
		if err != nil {
			return s.unreachable(err)
		}
		defer Close(ctx, other)
		others = append(others, other)
	}
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	return StaysOn(ctx, conn, others)
}

// StaysOn gives database.ErrPooler when conn is served by several server processes while others are at work.
func StaysOn(ctx context.Context, conn *pgx.Conn, others []*pgx.Conn) error {
	var first uint32
	for i := range 3 {
		pid, err := pidInTransaction(ctx, conn)
		if err != nil {
			return Classify(ctx, conn.PgConn(), "look at the session", err)
		}
		if i == 0 {
			first = pid
		}
		if pid != first {
			return fmt.Errorf("%w (one session was served by pid %d and then by pid %d); name the server itself, or "+
				"give the pooler session mode", database.ErrPooler, first, pid)
		}
		// Each other session ends its transaction and begins one: it takes what the pooler has put back last.
		for _, other := range others {
			if _, err := other.PgConn().Exec(ctx, "COMMIT; BEGIN READ ONLY; SELECT 1").ReadAll(); err != nil {
				return Classify(ctx, other.PgConn(), "look at the session", err)
			}
		}
	}
	return nil
}

func pidInTransaction(ctx context.Context, conn *pgx.Conn) (uint32, error) {
	results, err := conn.PgConn().Exec(ctx, "BEGIN READ ONLY; SELECT pg_backend_pid(); COMMIT").ReadAll()
	if err != nil {
		return 0, err
	}
	for _, r := range results {
		if len(r.Rows) == 1 && len(r.Rows[0]) == 1 {
			return uint32(LeadingNumber(string(r.Rows[0][0]))), nil
		}
	}
	return 0, fmt.Errorf("no answer to pg_backend_pid()")
}
