// Package catalog reads what is in a database: its catalog for the reviewer, the histories of migration tools, and the
// imprint by which two moments are compared. It changes nothing and waits for no lock. Start with Reader.
package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqlreview"
)

const (
	catalogLimit = 2 * time.Minute // for all of it
	maxCatalog   = 2_000_000       // rows of one answer; more is an error, not a cut
)

// A Reader reads what is in one database.
type Reader struct{ server *server.Server }

// New gives one over a server.
func New(s *server.Server) *Reader { return &Reader{s} }

// Catalog reads what the database holds, for the reviewer: names, types, constraints, indexes, estimates of sizes. It
// is one read-only snapshot that needs no privilege on any table and no superuser, and it holds no value of any row,
// except the names of migrations that a migration tool recorded, where the role may read them. The order is always the
// same. fairlead's own schema is left out.
func (r *Reader) Catalog(ctx context.Context) (*sqlreview.Catalog, error) {
	var c *sqlreview.Catalog
	err := r.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, catalogLimit)
		defer cancel()
		var err error
		c, err = readCatalog(ctx, conn, r.server.Config.Schema)
		return server.Classify(ctx, conn.PgConn(), "read the catalog", err)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// readCatalog reads it on a connection that is in no transaction, and leaves none behind.
func readCatalog(ctx context.Context, conn *pgx.Conn, without string) (*sqlreview.Catalog, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return snapshot(ctx, tx, without)
}

// snapshot reads inside a transaction.
func snapshot(ctx context.Context, tx pgx.Tx, without string) (*sqlreview.Catalog, error) {
	r := &reader{tx: tx, without: without, place: map[uint32]int{},
		catalog: &sqlreview.Catalog{Schema: sqlreview.CatalogSchema, Tables: []sqlreview.Table{},
			Functions: []sqlreview.Function{}, Domains: []sqlreview.Domain{}, Enums: []sqlreview.Enum{}}}
	for _, read := range []func(context.Context) error{r.session, r.relations, r.columns, r.checks, r.indexes,
		r.foreignKeys, r.triggers, r.parents, r.uses,
		r.functions, r.domains, r.enums, r.types, r.sequences, r.schemas, r.extensions, r.names, r.histories} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	r.sumPartitions()
	return r.catalog, nil
}

// reader fills a catalog, one question after the other.
type reader struct {
	tx      pgx.Tx
	without string
	catalog *sqlreview.Catalog
	place   map[uint32]int // of a relation, in catalog.Tables
	parent  map[int][]int  // partitions of a relation, by place
}

// each asks one question and hands over row by row.
func (r *reader) each(ctx context.Context, what, sql string, scan func(pgx.Rows) error, args ...any) error {
	rows, err := r.tx.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	for n := 0; rows.Next(); n++ {
		if n >= maxCatalog {
			return fmt.Errorf("%s: there are more than %d", what, maxCatalog)
		}
		if err := scan(rows); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// session reads what decides about names and times, then makes the printed names independent of it.
func (r *reader) session(ctx context.Context) error {
	c := r.catalog
	err := r.tx.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_schemas(false)::text[], "+
		"current_setting('TimeZone')").
		Scan(&c.ServerVersion, &c.SearchPath, &c.TimeZone)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	// Newer servers lock a relation for a moment to print its expressions.
	_, err = r.tx.Exec(ctx, "SELECT set_config('search_path', 'pg_catalog', true), set_config('lock_timeout', '5s', "+
		"true)")
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// countedSchemas says which schemas count; $1 is fairlead's own.
const countedSchemas = ` n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> $1 `

func (r *reader) relations(ctx context.Context) error {
	const sql = `SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.reltuples::bigint, c.relpages::bigint,
		coalesce(pg_stat_get_live_tuples(c.oid), 0),
	current_setting('block_size')::bigint, c.relpersistence = 'u', c.relispartition, c.relrowsecurity, c.reltablespace
	<> 0,
	EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partdefid = c.oid), (SELECT count(*) FROM pg_policy
	WHERE polrelid = c.oid)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND` + countedSchemas +
		`ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`
	return r.each(ctx, "relations", sql, func(rows pgx.Rows) error {
		var oid uint32
		var kind string
		var tuples, pages, live, block int64
		t := sqlreview.Table{Columns: []sqlreview.Column{}}
		if err := rows.Scan(&oid, &t.Schema, &t.Name, &kind, &tuples, &pages, &live, &block, &t.Unlogged, &t.Partition,
			&t.Security, &t.Elsewhere, &t.Default, &t.Policies); err != nil {
			return err
		}
		t.Kind, t.Bytes, t.Rows = relationKind(kind), pages*block, estimate(r.catalog.ServerVersion, tuples, pages,
			live)
		if t.Kind == sqlreview.KindView {
			t.Rows = 0
		}
		r.place[oid] = len(r.catalog.Tables)
		r.catalog.Tables = append(r.catalog.Tables, t)
		return nil
	}, r.without)
}

func relationKind(kind string) sqlreview.RelationKind {
	switch kind {
	case "p":
		return sqlreview.KindPartitioned
	case "v":
		return sqlreview.KindView
	case "m":
		return sqlreview.KindMatView
	case "f":
		return sqlreview.KindForeign
	}
	return sqlreview.KindTable
}

// estimate takes the larger of the planner's and the collector's figures. Before 14, no rows on no pages also means
// that nobody looked.
func estimate(version int, tuples, pages, live int64) int64 {
	if tuples < 0 || version < 140000 && pages == 0 {
		if live > 0 {
			return live
		}
		return -1
	}
	return max(tuples, live)
}

// sumPartitions gives a partitioned table the rows of its partitions.
func (r *reader) sumPartitions() {
	var sum func(i, depth int) int64
	sum = func(i, depth int) int64 {
		t := &r.catalog.Tables[i]
		if t.Kind != sqlreview.KindPartitioned || depth > 64 {
			return t.Rows
		}
		t.Rows = 0
		for _, child := range r.parent[i] {
			rows := sum(child, depth+1)
			if rows < 0 || t.Rows < 0 {
				t.Rows = -1
				continue
			}
			t.Rows += rows
		}
		return t.Rows
	}
	for i := range r.catalog.Tables {
		if !r.catalog.Tables[i].Partition {
			sum(i, 0)
		}
	}
}

// on runs add for the relation of a row, if it is one that counts.
func (r *reader) on(oid uint32, add func(*sqlreview.Table)) {
	if i, ok := r.place[oid]; ok {
		add(&r.catalog.Tables[i])
	}
}

// names reads what statements may refer to besides relations and functions. Everybody may look at it.
func (r *reader) names(ctx context.Context) error {
	n := &sqlreview.Names{BaseTypes: []sqlreview.Ref{}, Available: []string{}, Roles: []string{}}
	r.catalog.Names = n
	err := r.refs(ctx, "base types", `SELECT n.nspname, t.typname FROM pg_type t
		JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE t.typtype IN ('b', 'm', 'p') AND t.typname !~ '^_' AND`+countedSchemas+
		`ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`, &n.BaseTypes)
	if err != nil {
		return err
	}
	if err := r.strings(ctx, "available extensions", `SELECT name::text FROM pg_available_extensions
		ORDER BY name COLLATE "C"`, &n.Available); err != nil {
		return err
	}
	return r.strings(ctx, "roles", `SELECT rolname::text FROM pg_roles WHERE rolname !~ '^pg_'
		ORDER BY rolname COLLATE "C"`, &n.Roles)
}

func (r *reader) strings(ctx context.Context, what, sql string, into *[]string) error {
	return r.each(ctx, what, sql, func(rows pgx.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		*into = append(*into, name)
		return nil
	})
}
