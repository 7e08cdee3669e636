package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/apply"
	"fairlead/internal/database"
)

const (
	connectLimit = 10 * time.Second
	askLimit     = 30 * time.Second // one small question
	closeLimit   = 5 * time.Second
)

// connect opens a direct connection in the configured role. Errors: database.ErrUnreachable (nothing was sent that could change
// anything), database.ErrPooler.
func (d *Database) connect(ctx context.Context) (*pgx.Conn, error) {
	return d.connectAs(ctx, d.config.Role)
}

func (d *Database) connectAs(ctx context.Context, role string) (*pgx.Conn, error) {
	return d.connectBy(ctx, d.base.Copy(), role)
}

func (d *Database) connectBy(ctx context.Context, c *pgx.ConnConfig, role string) (*pgx.Conn, error) {
	if d.session.Reach != nil {
		if err := d.session.Reach.Ready(ctx); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", database.ErrUnreachable, d.Place(), err)
		}
	}
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, d.unreachable(err)
	}
	if err := d.greet(ctx, conn, role); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// greet refuses poolers that do not give a session a server process of its own, and takes on the role.
func (d *Database) greet(ctx context.Context, conn *pgx.Conn, role string) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return d.unreachable(err)
	}
	if announced := conn.PgConn().PID(); announced != pid {
		if err := d.steady(ctx, conn); err != nil {
			return fmt.Errorf("pid %d was announced, %d was found: %w", announced, pid, err)
		}
	}
	if role == "" {
		return nil
	}
	if _, err := conn.Exec(ctx, "SET ROLE "+pgx.Identifier{role}.Sanitize()); err != nil {
		return classify(ctx, conn.PgConn(), "take on role "+role, err)
	}
	return nil
}

func (d *Database) unreachable(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%w: %s: %s (SQLSTATE %s)", database.ErrUnreachable, d.Place(), pg.Message, pg.Code)
	}
	return fmt.Errorf("%w: %s: %s", database.ErrUnreachable, d.Place(), d.redacted(oneLine(err)))
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

func (d *Database) redacted(text string) string {
	if p := d.base.Password; p != "" {
		text = strings.ReplaceAll(text, p, "***")
	}
	return text
}

// hangUp closes a connection whatever its state and whatever became of ctx.
func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := limit(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	_ = conn.Close(ctx)
}

// with runs one short piece of work on a connection of its own.
func (d *Database) with(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	return work(ctx, conn)
}

// version gives the server's version as a number, like 150018; 17beta1 is 170000.
func version(conn *pgx.Conn) int {
	word, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ")
	major, minor, _ := strings.Cut(word, ".")
	return leadingNumber(major)*10000 + leadingNumber(minor)
}

func leadingNumber(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

// asLogin is with in the role that logged in: a session may look at and end sessions of its own login, which a role taken on may not.
func (d *Database) asLogin(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	conn, err := d.connectAs(ctx, "")
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	return work(ctx, conn)
}

// run sends a few statements of ours by the simple protocol.
func run(ctx context.Context, conn *pgx.Conn, what, sql string) error {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	_, err := conn.PgConn().Exec(ctx, ours+sql).ReadAll()
	return classify(ctx, conn.PgConn(), what, err)
}

// ours begins every statement of fairlead itself that runs beside statements of a migration, so that a session at work on a migration
// can be told from one between two of its statements.
const ours = "/* fairlead */ "

const identitySQL = `(SELECT system_identifier::text FROM pg_control_system()),
	CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::bigint FROM pg_control_checkpoint())
	     ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END,
	current_database()::text`

// fullIdentitySQL is identitySQL and the database's own number.
const fullIdentitySQL = identitySQL + ", (SELECT oid FROM pg_database WHERE datname = current_database())"

// Identity reads who the server is.
func (d *Database) Identity(ctx context.Context) (apply.Identity, error) {
	var id apply.Identity
	err := d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := limit(ctx, askLimit)
		defer cancel()
		err := conn.QueryRow(ctx, "SELECT "+fullIdentitySQL).Scan(&id.System, &id.Timeline, &id.Database, &id.OID)
		return classify(ctx, conn.PgConn(), "read the server's identity", err)
	})
	return id, err
}

// attempt reads the facts of the session; the transaction id only where there is to be one.
func attempt(ctx context.Context, conn *pgx.Conn, transaction bool) (apply.Attempt, error) {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	xid := "''"
	if transaction {
		xid = "pg_current_xact_id()::text"
	}
	var a apply.Attempt
	err := conn.QueryRow(ctx, ours+"SELECT "+xid+", pid, backend_start, "+fullIdentitySQL+
		" FROM pg_stat_activity WHERE pid = pg_backend_pid()").
		Scan(&a.XID, &a.PID, &a.Started, &a.Identity.System, &a.Identity.Timeline, &a.Identity.Database, &a.Identity.OID)
	a.Started = a.Started.UTC()
	return a, classify(ctx, conn.PgConn(), "read the facts of the session", err)
}

func (d *Database) notice(_ *pgconn.PgConn, n *pgconn.Notice) {
	if d.session.Notice == nil || n == nil {
		return
	}
	severity := n.SeverityUnlocalized
	if severity == "" {
		severity = n.Severity
	}
	d.session.Notice(severity, n.Message)
}
