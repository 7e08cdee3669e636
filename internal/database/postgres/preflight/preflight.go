// Package preflight asks a server what a plan needs to know before anything happens: what it is, who is in the way, and
// what the role may not do. It changes nothing. Start with Checker.Preflight.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/applier"
	"fairlead/internal/database/postgres/archive"
	"fairlead/internal/database/postgres/server"
)

// oldestMajor is the oldest server that can be asked what became of a transaction.
const oldestMajor = 13

// A Checker asks a server what a plan needs to know.
type Checker struct {
	server  *server.Server
	applier *applier.Applier
}

// New gives one over a server.
func New(s *server.Server) *Checker { return &Checker{s, applier.New(s)} }

// Preflight asks everything that a plan needs to know and changes nothing: it works in a read-only transaction that is
// rolled back. database.ErrVersion comes together with the facts.
func (p *Checker) Preflight(ctx context.Context) (database.Facts, error) {
	var f database.Facts
	err := p.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := p.server.RefusePooler(ctx, conn); errors.Is(err, database.ErrPooler) {
			return err
		} else if err != nil {
			f.Notes = append(f.Notes, fmt.Sprintf("whether a pooler is in between was looked at only once (%v)", err))
		}
		sql := fmt.Sprintf("SET lock_timeout = '2s'; SET statement_timeout = %d; BEGIN ISOLATION LEVEL READ "+
			"COMMITTED READ ONLY", server.QueryLimit.Milliseconds())
		if err := server.Run(ctx, conn, "look at the server", sql); err != nil {
			return err
		}
		if err := p.pooled(ctx, conn, &f); err != nil {
			return err
		}
		return p.preflight(ctx, conn, &f)
	})
	return f, err
}

func (p *Checker) preflight(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	if err := p.describe(ctx, conn, f); err != nil {
		return err
	}
	for _, look := range p.looks() {
		if err := look(ctx, conn, f); err != nil {
			return err
		}
	}
	if p.server.Session.Duty == server.Migrating {
		return nil
	}
	dumper, err := p.server.Tool(ctx, "pg_dump", f.Major)
	f.Dumper = dumper.Whereabouts()
	if err == nil {
		_, err = p.server.Tool(ctx, "pg_restore", server.LeadingNumber(dumper.Version))
	}
	return err
}

func (p *Checker) describe(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var archive string
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int /
		10000, current_user::text,
		pg_database_size(current_database()), pg_is_in_recovery(), current_setting('archive_mode'), clock_timestamp(),
		`+server.IdentitySQL).
		Scan(&f.Server, &f.Major, &f.Role, &f.Size, &f.Standby, &archive, &f.Now, &f.System, &f.Timeline, &f.Database)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at the server", err)
	}
	f.Now = f.Now.UTC()
	if f.Major < oldestMajor {
		f.Problems = append(f.Problems, fmt.Sprintf("the server is PostgreSQL %s; fairlead needs %d or newer to "+
			"tell after a crash what was committed", f.Server, oldestMajor))
	}
	if f.Standby {
		f.Problems = append(f.Problems, "the server is a standby, on which nothing can be changed and from which no "+
			"dump is taken; name the primary")
	}
	if archive == "off" {
		f.Notes = append(f.Notes, "archive_mode is off: what is written after the backup began cannot be had back")
	}
	return nil
}

// pooled tells of a pooler in session mode, which passes, but is one thing more that may fail in the middle.
func (p *Checker) pooled(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at the session", err)
	}
	if pid != conn.PgConn().PID() {
		f.Notes = append(f.Notes, "the URL goes through a connection pooler in session mode; fairlead needs five of "+
			"its connections, and the server's own address is safer")
	}
	return nil
}

// markers looks whether markers can be kept, and what the fencing row knows.
func (p *Checker) markers(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	if p.applier.Markerless() {
		f.Notes = append(f.Notes, "database.marker is none: what was applied is told by the ledger and the server's "+
			"transaction log; statements outside transactions are refused")
		return nil
	}
	schema, tables, err := p.applier.Tables(ctx, conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	if !tables {
		return p.mayCreate(ctx, conn, f, schema)
	}
	var may bool
	err = conn.QueryRow(ctx, `SELECT has_schema_privilege($1, 'USAGE') AND has_table_privilege($2, 'SELECT')
		AND has_table_privilege($2, 'INSERT')
		AND has_table_privilege($2, 'UPDATE') AND has_table_privilege($3, 'SELECT')
			AND has_table_privilege($3, 'INSERT')`,
		p.server.Config.Schema, p.applier.TableName("fence"), p.applier.TableName("applied")).Scan(&may)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at schema "+p.server.Config.Schema, err)
	}
	if !may {
		f.Problems = append(f.Problems, fmt.Sprintf("the role %s may not write into schema %s, where fairlead keeps "+
			"its markers", f.Role, p.server.Config.Schema))
		return nil
	}
	known, err := p.applier.Fence(ctx, conn, p.server.Session.App, p.server.Session.Environment, "")
	f.Ledger, f.Fence = known.Ledger, known.Number
	return server.Classify(ctx, conn.PgConn(), "read the takeover number", err)
}

func (p *Checker) mayCreate(ctx context.Context, conn *pgx.Conn, f *database.Facts, schema bool) error {
	sql, arg := "SELECT has_database_privilege($1, 'CREATE')", f.Database
	if schema {
		sql, arg = "SELECT has_schema_privilege($1, 'CREATE')", p.server.Config.Schema
	}
	var may bool
	if err := conn.QueryRow(ctx, sql, arg).Scan(&may); err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at the role's rights", err)
	}
	if !may {
		f.Problems = append(f.Problems, fmt.Sprintf("the role %s may not create schema %s, where fairlead keeps its "+
			"markers; `fairlead database setup --print` shows what to run as a role that may",
			f.Role, p.server.Config.Schema))
	}
	return nil
}

// readable looks whether pg_dump could read every table whole.
func readable(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	all, err := archive.TablesToDump(ctx, conn)
	if err != nil {
		return err
	}
	var closed, filtered []string
	for _, t := range all {
		switch {
		case !t.Readable:
			closed = append(closed, t.Name)
		case t.Filtered:
			filtered = append(filtered, t.Name)
		}
	}
	if len(closed) > 0 {
		f.Problems = append(f.Problems, fmt.Sprintf("the role %s may not read %s, so the backup would fail; GRANT "+
			"SELECT ON ALL TABLES IN SCHEMA … helps, or the role pg_read_all_data", f.Role, several(closed, "tables")))
	}
	if len(filtered) > 0 {
		f.Problems = append(f.Problems, fmt.Sprintf("row security hides rows of %s from the role %s, so the backup "+
			"would fail; a role with BYPASSRLS, or the tables' owner, must take it", several(filtered, "tables"),
			f.Role))
	}
	return nil
}

func several(names []string, what string) string {
	const shown = 3
	text := ""
	for i, n := range names[:min(len(names), shown)] {
		if i > 0 {
			text += ", "
		}
		text += n
	}
	if len(names) > shown {
		text += fmt.Sprintf(" and %d more %s", len(names)-shown, what)
	}
	return text
}

// others looks for sessions that the migration would have to wait for.
func (p *Checker) others(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	var sees bool
	if err := conn.QueryRow(ctx, `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')`).Scan(
		&sees); err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at the server's sessions", err)
	}
	if !sees {
		f.Notes = append(f.Notes, fmt.Sprintf("the role %s does not see the sessions of other roles, so old "+
			"transactions may go unseen (GRANT pg_read_all_stats helps)", f.Role))
	}
	all, err := server.Backends(ctx, conn, `WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
		AND a.backend_type = 'client backend'
		AND (a.application_name LIKE 'pg_dump%' OR a.xact_start < clock_timestamp() - make_interval(secs => $1))
		ORDER BY a.xact_start LIMIT 5`, p.server.Config.MaxOpenTransaction.Seconds())
	if err != nil {
		return err
	}
	for _, b := range all {
		if strings.HasPrefix(b.Application, "pg_dump") {
			f.Problems = append(f.Problems, "another dump is running, and everything that changes a table waits for "+
				"it: "+b.String())
			continue
		}
		if b.Age > p.server.Config.MaxOpenTransaction {
			f.Problems = append(f.Problems, fmt.Sprintf("a transaction is open for more than %s, and what changes "+
				"its tables waits for it: %s", p.server.Config.MaxOpenTransaction.Round(time.Second), b))
		}
	}
	return nil
}

// languages runs an empty block: after an upgrade of the package under a running server, plpgsql may no longer load.
func languages(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	if err := server.Run(ctx, conn, "look at plpgsql", "SAVEPOINT language"); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "DO $$ BEGIN NULL; END $$")
	err = server.Classify(ctx, conn.PgConn(), "run an empty DO block", err)
	if server.Code(err) == "" {
		return err
	}
	if again := server.Run(ctx, conn, "look at plpgsql", "ROLLBACK TO SAVEPOINT language"); again != nil {
		return again
	}
	f.Problems = append(f.Problems, fmt.Sprintf("%v; restart the server if its package was upgraded under it", err))
	return nil
}
