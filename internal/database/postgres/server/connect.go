package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/database"
)

const (
	connectLimit = 10 * time.Second
	QueryLimit   = 30 * time.Second // one small question
	CloseLimit   = 5 * time.Second
)

// Connect opens a direct connection in the configured role. Errors: database.ErrUnreachable (nothing was sent that
// could change anything), database.ErrPooler.
func (s *Server) Connect(ctx context.Context) (*pgx.Conn, error) {
	return s.ConnectAs(ctx, s.Config.Role)
}

// ConnectAs is Connect in another role; "" is the one that logs in.
func (s *Server) ConnectAs(ctx context.Context, role string) (*pgx.Conn, error) {
	return s.ConnectBy(ctx, s.Base.Copy(), role)
}

// ConnectBy is ConnectAs with a configuration of its own.
func (s *Server) ConnectBy(ctx context.Context, c *pgx.ConnConfig, role string) (*pgx.Conn, error) {
	if s.Session.Reach != nil {
		if err := s.Session.Reach.Ready(ctx); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", database.ErrUnreachable, s.Place(), err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, s.unreachable(err)
	}
	if err := s.checkSession(ctx, conn, role); err != nil {
		Close(ctx, conn)
		return nil, err
	}
	return conn, nil
}

func (s *Server) unreachable(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%w: %s: %s (SQLSTATE %s)", database.ErrUnreachable, s.Place(), pg.Message, pg.Code)
	}
	return fmt.Errorf("%w: %s: %s", database.ErrUnreachable, s.Place(), s.Redacted(oneLine(err)))
}

// oneLine takes the innermost words of a connection error; pgx repeats itself for every address and TLS mode.
func oneLine(err error) string {
	text := err.Error()
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+3:]
	}
	if strings.Contains(text, "hostname resolving error") || strings.Contains(text, ": lookup ") {
		return "its host name does not resolve"
	}
	if i := strings.LastIndex(text, ": connect: "); i >= 0 {
		text = text[i+len(": connect: "):]
	}
	return strings.TrimSpace(text)
}

// Redacted takes the password out of a text.
func (s *Server) Redacted(text string) string {
	if p := s.Base.Password; p != "" {
		text = strings.ReplaceAll(text, p, "***")
	}
	return text
}

// Close closes a connection whatever its state and whatever became of ctx.
func Close(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CloseLimit)
	defer cancel()
	_ = conn.Close(ctx)
}

// With runs one short piece of work on a connection of its own.
func (s *Server) With(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer Close(ctx, conn)
	return work(ctx, conn)
}

// Version gives the server's version as a number, like 150018; 17beta1 is 170000.
func Version(conn *pgx.Conn) int {
	word, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ")
	major, minor, _ := strings.Cut(word, ".")
	return LeadingNumber(major)*10000 + LeadingNumber(minor)
}

// WithLogin is With in the role that logged in: a session may look at and end sessions of its own login, which a role
// taken on may not.
func (s *Server) WithLogin(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	conn, err := s.ConnectAs(ctx, "")
	if err != nil {
		return err
	}
	defer Close(ctx, conn)
	return work(ctx, conn)
}

// Run sends a few statements of ours by the simple protocol.
func Run(ctx context.Context, conn *pgx.Conn, what, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	_, err := conn.PgConn().Exec(ctx, Tag+sql).ReadAll()
	return Classify(ctx, conn.PgConn(), what, err)
}

// Tag begins every statement of fairlead itself that runs beside statements of a migration, so that a session at
// work on a migration can be told from one between two of its statements.
const Tag = "/* fairlead */ "

// IdentitySQL selects system identifier, timeline and database.
const IdentitySQL = `(SELECT system_identifier::text FROM pg_control_system()),
	CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::bigint FROM pg_control_checkpoint())
	     ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END,
	current_database()::text`

// FullIdentitySQL is identitySQL and the database's own number.
const FullIdentitySQL = IdentitySQL + ", (SELECT oid FROM pg_database WHERE datname = current_database())"

func (s *Server) notice(_ *pgconn.PgConn, n *pgconn.Notice) {
	if s.Session.Notice == nil || n == nil {
		return
	}
	severity := n.SeverityUnlocalized
	if severity == "" {
		severity = n.Severity
	}
	s.Session.Notice(severity, n.Message)
}

// Sleep waits, or returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// RunUnlimited is run without our limit: making and dropping a database takes as long as its files.
func RunUnlimited(ctx context.Context, conn *pgx.Conn, what, sql string) error {
	_, err := conn.PgConn().Exec(ctx, "SET statement_timeout = 0").ReadAll()
	if err == nil {
		_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
	}
	return Classify(ctx, conn.PgConn(), what, err)
}

// idleLimit is how long a session of ours may sit between two statements before the server ends it: longer than any
// note takes to become durable, short enough that a stopped operator does not hold locks for long.
const idleLimit = time.Minute
