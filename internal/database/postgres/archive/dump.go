// Package archive takes dumps of a database, verifies them, and makes databases out of them: pg_dump and pg_restore do
// the work, and what they did is counted and compared with the catalog. Start with Archive.Dump.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
)

// An Archive dumps one database and verifies, restores and compares what was dumped.
type Archive struct{ server *server.Server }

// New gives one over a server.
func New(s *server.Server) *Archive { return &Archive{s} }

// Dump streams a dump to w, in the custom format or as the tar of one in the directory format, and counts the rows of
// every table in the dump's own snapshot while pg_dump writes. It returns only after pg_dump has ended well and the
// counts are complete.
func (a *Archive) Dump(ctx context.Context, w io.Writer) (database.Dump, error) {
	conn, err := a.server.Connect(ctx)
	if err != nil {
		return database.Dump{}, err
	}
	defer server.Close(ctx, conn)
	dumper, err := a.server.Tool(ctx, "pg_dump", server.Version(conn)/10000)
	if err != nil {
		return database.Dump{}, err
	}
	facts, snapshot, err := openSnapshot(ctx, conn)
	if err != nil {
		return database.Dump{}, err
	}
	facts.Dumper = dumper.Version
	if err := catalogued(ctx, conn, &facts); err != nil {
		return database.Dump{}, err
	}
	if a.server.Session.PlainArchive {
		facts.Compression = "none"
	}
	if a.server.Session.DirectoryJobs > 0 {
		facts.Format = database.FormatDirectory
	}
	facts.Tables, err = a.dumpAndCount(ctx, conn, dumper, snapshot, w)
	return facts, a.lockedOut(ctx, err)
}

// lockedOut adds to an error about a lock who holds one that nobody can read beside, or which setting is too small. A
// nil error stays nil.
func (a *Archive) lockedOut(ctx context.Context, err error) error {
	if err != nil && strings.Contains(err.Error(), "out of shared memory") {
		return fmt.Errorf("%w; pg_dump locks every table at once: raise max_locks_per_transaction of the server "+
			"(max_connections times it must exceed the number of tables)", err)
	}
	if err == nil || !strings.Contains(err.Error(), server.LockedByOthers) &&
		server.Code(err) != server.CodeLockTimeout {
		return err
	}
	var holders []server.Backend
	// without it the error speaks
	_ = a.server.With(context.WithoutCancel(ctx), func(ctx context.Context, conn *pgx.Conn) (err error) {
		holders, err = server.Backends(ctx, conn, `WHERE a.pid IN (SELECT pid FROM pg_locks WHERE locktype = 'relation'
			AND granted AND mode = 'AccessExclusiveLock'
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
				AND a.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 3`)
		return err
	})
	for _, b := range holders {
		err = fmt.Errorf("%w; held by %s", err, b)
	}
	return err
}

// catalogued reads from the catalog, in the dump's snapshot, what the archive must hold and what a copy must be like.
func catalogued(ctx context.Context, conn *pgx.Conn, f *database.Dump) (err error) {
	f.Format, f.Compression = database.FormatCustom, "gzip 1"
	if f.Extensions, err = extensions(ctx, conn); err != nil {
		return err
	}
	if f.Contents, err = contents(ctx, conn); err != nil {
		return err
	}
	if f.Locale, err = Locale(ctx, conn); err != nil {
		return err
	}
	f.Activity, err = activity(ctx, conn)
	return err
}

// openSnapshot opens the transaction whose snapshot pg_dump uses too.
func openSnapshot(ctx context.Context, conn *pgx.Conn) (f database.Dump, snapshot string, err error) {
	err = server.Run(ctx, conn, "open the snapshot", `SET idle_in_transaction_session_timeout = 0;
		SET statement_timeout = 0; SET lock_timeout = '`+server.LockWait+`';
		BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	if err != nil {
		return f, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	err = conn.QueryRow(ctx, `SELECT pg_export_snapshot(), pg_current_wal_lsn()::text, transaction_timestamp(),
		current_setting('server_version'), pg_database_size(current_database()), `+server.IdentitySQL).
		Scan(&snapshot, &f.LSN, &f.At, &f.Server, &f.DatabaseSize, &f.System, &f.Timeline, &f.Database)
	f.At = f.At.UTC()
	return f, snapshot, server.Classify(ctx, conn.PgConn(), "open the snapshot", err)
}

// dumpAndCount runs both and stops one when the other fails.
func (a *Archive) dumpAndCount(ctx context.Context, conn *pgx.Conn, t server.Tool, snapshot string, w io.Writer) (
	map[string]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type counted struct {
		tables map[string]int64
		err    error
	}
	result := make(chan counted, 1)
	go func() {
		tables, err := countRows(ctx, conn)
		if err != nil {
			cancel()
		}
		result <- counted{tables, err}
	}()
	err := a.pgDump(ctx, t, snapshot, w)
	if err != nil {
		cancel()
	}
	c := <-result
	if c.err != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil, fmt.Errorf("count rows: %w", c.err)
	}
	return c.tables, err
}

func (a *Archive) pgDump(ctx context.Context, t server.Tool, snapshot string, w io.Writer) error {
	if a.server.Session.DirectoryJobs > 0 {
		return a.pgDumpDirectory(ctx, t, snapshot, w)
	}
	out := &pipe{w: w}
	err := a.server.RunConnected(ctx, t, server.Command{Name: "pg_dump", Args: a.dumpArguments(database.FormatCustom,
		snapshot), Out: out})
	if out.err != nil {
		return fmt.Errorf("store the dump: %w", out.err)
	}
	return err
}

// dumpArguments is what every dump is told.
func (a *Archive) dumpArguments(format, snapshot string) []string {
	level := "--compress=1"
	if a.server.Session.PlainArchive {
		level = "--compress=0"
	}
	args := []string{"--format=" + format, level, "--no-password", "--lock-wait-timeout=" + server.LockWait,
		"--snapshot=" + snapshot}
	if a.server.Config.Role != "" {
		args = append(args, "--role="+a.server.Config.Role)
	}
	return args
}

// pipe hides what else a writer is, so that the child gets a pipe and ends with us rather than writing on into a file.
// It remembers the writer's own error, which otherwise would look like the child's.
type pipe struct {
	w   io.Writer
	err error
}

// Write passes on.
func (p *pipe) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if err != nil {
		p.err = err
	}
	return n, err
}

func countRows(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	all, err := TablesToDump(ctx, conn)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int64, len(all))
	for i, t := range all {
		if i%letGo == 0 && conn.PgConn().TxStatus() == 'T' {
			if err := server.Run(ctx, conn, "count rows", savepoint(i)); err != nil {
				return nil, err
			}
		}
		var n int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM ONLY "+t.Name+" "+t.Condition).Scan(&n); err != nil {
			return nil, server.Classify(ctx, conn.PgConn(), t.Name, err)
		}
		counts[t.Name] = n
	}
	return counts, nil
}

// letGo is after how many tables the locks of counting are let go: pg_dump needs as many as there are tables, and the
// server has so many.
const letGo = 200

func savepoint(i int) string {
	if i == 0 {
		return "SAVEPOINT counting"
	}
	return "ROLLBACK TO SAVEPOINT counting"
}

func extensions(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, "SELECT extname::text, extversion FROM pg_extension ORDER BY 1 LIMIT 1000")
	if err != nil {
		return nil, server.Classify(ctx, conn.PgConn(), "list extensions", err)
	}
	all := map[string]string{}
	var name, v string
	_, err = pgx.ForEachRow(rows, []any{&name, &v}, func() error { all[name] = v; return nil })
	return all, server.Classify(ctx, conn.PgConn(), "list extensions", err)
}

// dumped is a table whose rows pg_dump writes.
type dumped struct {
	Name      string // qualified, quoted where needed
	Condition string // of an extension's configuration table
	Readable  bool
	Filtered  bool // row security applies to this role
}

// maxTables bounds what is held in memory; more is an error, not a cut.
const maxTables = 200_000

// dumpedTables lists them as pg_dump chooses them: ordinary tables (partitions one by one, their parents have no rows
// of their own), without temporary ones, and of extensions only what they declare as configuration.
const dumpedTables = `SELECT format('%I.%I', n.nspname, c.relname),
	coalesce(x.extcondition[array_position(x.extconfig, c.oid)], ''),
	has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.objsubid = 0 AND e.deptype = 'e'
	LEFT JOIN pg_extension x ON x.oid = e.refobjid
	WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	AND (x.oid IS NULL OR c.oid = ANY (x.extconfig)) ORDER BY 1 LIMIT `

// TablesToDump lists the tables whose rows pg_dump writes, at most 200,000.
func TablesToDump(ctx context.Context, conn *pgx.Conn) ([]dumped, error) {
	rows, err := conn.Query(ctx, dumpedTables+fmt.Sprint(maxTables+1))
	if err != nil {
		return nil, server.Classify(ctx, conn.PgConn(), "list tables", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (dumped, error) {
		var t dumped
		err := r.Scan(&t.Name, &t.Condition, &t.Readable, &t.Filtered)
		return t, err
	})
	if err == nil && len(all) > maxTables {
		err = fmt.Errorf("list tables: there are more than %d", maxTables)
	}
	return all, server.Classify(ctx, conn.PgConn(), "list tables", err)
}
