package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
)

const dumpLockWait = "10s"

// Dump streams a dump to w, in the custom format or as the tar of one in the directory format, and counts the rows of every table in the
// dump's own snapshot while pg_dump writes. It returns only after pg_dump has ended well and the counts are complete.
func (d *Database) Dump(ctx context.Context, w io.Writer) (database.Dump, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return database.Dump{}, err
	}
	defer hangUp(ctx, conn)
	dumper, err := d.tool(ctx, "pg_dump", version(conn)/10000)
	if err != nil {
		return database.Dump{}, err
	}
	facts, snapshot, err := openSnapshot(ctx, conn)
	if err != nil {
		return database.Dump{}, err
	}
	facts.Dumper = dumper.version
	if err := catalogued(ctx, conn, &facts); err != nil {
		return database.Dump{}, err
	}
	if d.session.PlainArchive {
		facts.Compression = "none"
	}
	if d.session.DirectoryJobs > 0 {
		facts.Format = database.FormatDirectory
	}
	facts.Tables, err = d.dumpAndCount(ctx, conn, dumper, snapshot, w)
	return facts, d.lockedOut(ctx, err)
}

// lockedOut adds to an error about a lock who holds one that nobody can read beside, or which setting is too small. A nil error stays nil.
func (d *Database) lockedOut(ctx context.Context, err error) error {
	if err != nil && strings.Contains(err.Error(), "out of shared memory") {
		return fmt.Errorf("%w; pg_dump locks every table at once: raise max_locks_per_transaction of the server (max_connections times it must exceed the number of tables)", err)
	}
	if err == nil || !strings.Contains(err.Error(), lockedByOthers) && code(err) != codeLockTimeout {
		return err
	}
	var holders []backend
	_ = d.with(context.WithoutCancel(ctx), func(ctx context.Context, conn *pgx.Conn) (err error) { // without it the error speaks
		holders, err = backends(ctx, conn, `WHERE a.pid IN (SELECT pid FROM pg_locks WHERE locktype = 'relation' AND granted AND mode = 'AccessExclusiveLock'
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AND a.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 3`)
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
	if f.Locale, err = locale(ctx, conn); err != nil {
		return err
	}
	f.Activity, err = activity(ctx, conn)
	return err
}

// openSnapshot opens the transaction whose snapshot pg_dump uses too.
func openSnapshot(ctx context.Context, conn *pgx.Conn) (f database.Dump, snapshot string, err error) {
	err = run(ctx, conn, "open the snapshot", `SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET lock_timeout = '`+dumpLockWait+`';
		BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	if err != nil {
		return f, "", err
	}
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	err = conn.QueryRow(ctx, `SELECT pg_export_snapshot(), pg_current_wal_lsn()::text, transaction_timestamp(), current_setting('server_version'), pg_database_size(current_database()), `+identitySQL).
		Scan(&snapshot, &f.LSN, &f.At, &f.Server, &f.DatabaseSize, &f.System, &f.Timeline, &f.Database)
	f.At = f.At.UTC()
	return f, snapshot, classify(ctx, conn.PgConn(), "open the snapshot", err)
}

// dumpAndCount runs both and stops one when the other fails.
func (d *Database) dumpAndCount(ctx context.Context, conn *pgx.Conn, t tool, snapshot string, w io.Writer) (map[string]int64, error) {
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
	err := d.pgDump(ctx, t, snapshot, w)
	if err != nil {
		cancel()
	}
	c := <-result
	if c.err != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil, fmt.Errorf("count rows: %w", c.err)
	}
	return c.tables, err
}

func (d *Database) pgDump(ctx context.Context, t tool, snapshot string, w io.Writer) error {
	if d.session.DirectoryJobs > 0 {
		return d.pgDumpDirectory(ctx, t, snapshot, w)
	}
	out := &pipe{w: w}
	err := d.runConnected(ctx, t, command{name: "pg_dump", args: d.dumpArguments(database.FormatCustom, snapshot), out: out})
	if out.err != nil {
		return fmt.Errorf("store the dump: %w", out.err)
	}
	return err
}

// dumpArguments is what every dump is told.
func (d *Database) dumpArguments(format, snapshot string) []string {
	level := "--compress=1"
	if d.session.PlainArchive {
		level = "--compress=0"
	}
	args := []string{"--format=" + format, level, "--no-password", "--lock-wait-timeout=" + dumpLockWait, "--snapshot=" + snapshot}
	if d.config.Role != "" {
		args = append(args, "--role="+d.config.Role)
	}
	return args
}

// pipe hides what else a writer is, so that the child gets a pipe and ends with us rather than writing on into a file. It remembers the
// writer's own error, which otherwise would look like the child's.
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
	all, err := tablesToDump(ctx, conn)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int64, len(all))
	for i, t := range all {
		if i%letGo == 0 && conn.PgConn().TxStatus() == 'T' {
			if err := run(ctx, conn, "count rows", savepoint(i)); err != nil {
				return nil, err
			}
		}
		var n int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM ONLY "+t.Name+" "+t.Condition).Scan(&n); err != nil {
			return nil, classify(ctx, conn.PgConn(), t.Name, err)
		}
		counts[t.Name] = n
	}
	return counts, nil
}

// letGo is after how many tables the locks of counting are let go: pg_dump needs as many as there are tables, and the server has so many.
const letGo = 200

func savepoint(i int) string {
	if i == 0 {
		return "SAVEPOINT counting"
	}
	return "ROLLBACK TO SAVEPOINT counting"
}

func extensions(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	rows, err := conn.Query(ctx, "SELECT extname::text, extversion FROM pg_extension ORDER BY 1 LIMIT 1000")
	if err != nil {
		return nil, classify(ctx, conn.PgConn(), "list extensions", err)
	}
	all := map[string]string{}
	var name, v string
	_, err = pgx.ForEachRow(rows, []any{&name, &v}, func() error { all[name] = v; return nil })
	return all, classify(ctx, conn.PgConn(), "list extensions", err)
}
