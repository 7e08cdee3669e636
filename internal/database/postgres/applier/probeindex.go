package applier

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqltext"
)

// indexValid: the index exists on the table, is valid, and is the one that the statement describes.
func indexValid(ctx context.Context, conn *pgx.Conn, s sqltext.Statement) (apply.Effect, string, error) {
	p := *s.Probe
	table, namespace, err := relation(ctx, conn, p.TableSchema, p.Table)
	if err != nil {
		return 0, "", err
	}
	if table == 0 && p.TableSchema != "" {
		return apply.NotDone, fmt.Sprintf("table %s.%s does not exist", p.TableSchema, p.Table), nil
	}
	if table == 0 {
		return apply.Other, fmt.Sprintf("table %s is not on the search path", p.Table), nil
	}
	if p.Name == "" {
		return apply.Other, "the statement leaves the index's name to the server", nil
	}
	all, err := indexes(ctx, conn, "WHERE c.relname = $1 AND c.relnamespace = $2", p.Name, namespace)
	if err != nil {
		return 0, "", err
	}
	if len(all) == 0 {
		return noIndex(ctx, conn, p, namespace)
	}
	x := all[0]
	switch {
	case x.Table != table:
		return apply.Other, fmt.Sprintf("index %s exists on another table (%s)", x.Name, x.On), nil
	case !x.Valid && x.Builder != 0:
		return apply.Other, fmt.Sprintf("index %s is being built by pid %d", x.Name, x.Builder), nil
	case !x.Valid:
		return apply.Halfway, fmt.Sprintf("index %s on %s is invalid: it costs every write and serves no read", x.Name,
			x.On), nil
	}
	def, unique, err := wantedIndex(ctx, conn, s, table)
	switch {
	case err != nil && errors.Is(err, errNoShadow):
		return apply.Other, fmt.Sprintf("index %s on %s is valid, but its definition could not be compared: %v", x.Name,
			x.On, err), nil
	case err != nil:
		return 0, "", err
	case def != x.Def || unique != x.Unique:
		return apply.Other, fmt.Sprintf("index %s on %s is another one (%s)", x.Name, x.On, x.Def), nil
	}
	return apply.Done, fmt.Sprintf("index %s on %s is valid", x.Name, x.On), nil
}

// noIndex tells nothing of that name from something else of that name.
func noIndex(ctx context.Context, conn *pgx.Conn, p sqltext.Probe, namespace uint32) (apply.Effect, string, error) {
	var n int
	err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_class WHERE relname = $1 AND relnamespace = $2", p.Name,
		namespace).Scan(&n)
	if err != nil {
		return 0, "", err
	}
	if n > 0 {
		return apply.Other, fmt.Sprintf("%s is something else than an index", p.Name), nil
	}
	return apply.NotDone, fmt.Sprintf("index %s does not exist", p.Name), nil
}

var errNoShadow = errors.New("no comparison was possible")

// wantedIndex lets the server itself write out the definition that the statement asks for: on an empty temporary table
// of the same columns, in a transaction that is rolled back.
func wantedIndex(ctx context.Context, conn *pgx.Conn, s sqltext.Statement, table uint32) (def string, unique bool,
	err error) {
	sql, err := shadowStatement(s.SQL)
	if err != nil {
		return "", false, fmt.Errorf("%w: %w", errNoShadow, err)
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	var like string
	if err := tx.QueryRow(ctx, "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON "+
		"n.oid = c.relnamespace WHERE c.oid = $1", table).Scan(&like); err != nil {
		return "", false, err
	}
	for _, step := range []string{"CREATE TEMPORARY TABLE fairlead_shadow (LIKE " + like + ")", sql} {
		if _, err := tx.Exec(ctx, step); err != nil {
			if server.Code(err) == "" {
				return "", false, err
			}
			return "", false, fmt.Errorf("%w: %w", errNoShadow, server.Classify(ctx, conn.PgConn(),
				"try the definition on an empty copy", err))
		}
	}
	err = tx.QueryRow(ctx, `SELECT substr(pg_get_indexdef(indexrelid), position(' USING ' IN
		pg_get_indexdef(indexrelid))), indisunique
		FROM pg_index WHERE indrelid = 'pg_temp.fairlead_shadow'::regclass`).Scan(&def, &unique)
	return def, unique, err
}

// shadowStatement rewrites CREATE INDEX CONCURRENTLY for the temporary table.
func shadowStatement(sql string) (string, error) {
	script, err := sqltext.Parse([]byte(sql))
	if err != nil {
		return "", err
	}
	i := script.Node(0).GetIndexStmt()
	if i == nil || len(script.Statements) != 1 {
		return "", fmt.Errorf("it is not one CREATE INDEX")
	}
	i.Concurrent, i.IfNotExists, i.Idxname, i.TableSpace = false, false, "fairlead_shadow_index", ""
	i.Relation = &pg.RangeVar{Schemaname: "pg_temp", Relname: "fairlead_shadow", Inh: true, Relpersistence: "p"}
	return deparse(script.Node(0))
}

// Remedy gives the statements that remove what Probe called Halfway: an invalid index is dropped, concurrently, if it
// is on the statement's table; a pending detach is finished. It looks again first and gives an error when something
// else is found.
func (a *Applier) Remedy(ctx context.Context, s sqltext.Statement) ([]string, error) {
	found, why, err := a.Probe(ctx, s)
	if err != nil {
		return nil, err
	}
	if found != apply.Halfway {
		return nil, fmt.Errorf("remedy for what line %d left: there is nothing to remove: %s", s.Line, why)
	}
	var sql []string
	err = a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		sql, err = repairs(ctx, conn, *s.Probe)
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "find what was left", err)
		}
		return nil
	})
	return sql, err
}

func repairs(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) ([]string, error) {
	switch p.What {
	case sqltext.IndexValid:
		table, namespace, err := relation(ctx, conn, p.TableSchema, p.Table)
		if err != nil {
			return nil, err
		}
		return drops(indexes(ctx, conn, "WHERE NOT i.indisvalid AND c.relname = $1 AND c.relnamespace = $2 AND "+
			"i.indrelid = $3", p.Name, namespace, table))
	case sqltext.IndexGone:
		oid, _, err := relation(ctx, conn, p.Schema, p.Name)
		if err != nil {
			return nil, err
		}
		return drops(indexes(ctx, conn, "WHERE NOT i.indisvalid AND c.oid = $1", oid))
	case sqltext.IndexRebuilt:
		return drops(rebuildLeftovers(ctx, conn, p))
	case sqltext.PartitionDetached:
		return []string{fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s FINALIZE", dotted(p.TableSchema, p.Table),
			dotted(p.Schema, p.Name))}, nil
	}
	return nil, nil
}

func drops(all []index, err error) ([]string, error) {
	var sql []string
	for _, x := range all {
		sql = append(sql, "DROP INDEX CONCURRENTLY "+x.Name)
	}
	return sql, err
}

func dotted(schema, name string) string {
	if schema == "" {
		return pgx.Identifier{name}.Sanitize()
	}
	return pgx.Identifier{schema, name}.Sanitize()
}
