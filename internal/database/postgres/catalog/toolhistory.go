package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/migrator"
	"fairlead/internal/sqlreview"
)

// maxToolRows bounds the rows of a tool's history that are read for one file.
const maxToolRows = 10_000

// ToolHistory reads what a migration tool has written down about a file. It changes nothing. A table that may not be
// read, or that is not the tool's, is said in what it gives and is no error.
func (r *Reader) ToolHistory(ctx context.Context, w migrator.Want) (migrator.History, error) {
	var b migrator.History
	err := r.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		begin := fmt.Sprintf("SET lock_timeout = '2s'; SET statement_timeout = %d; BEGIN ISOLATION LEVEL READ "+
			"COMMITTED READ ONLY", server.QueryLimit.Milliseconds())
		if err := server.Run(ctx, conn, "look at the history of "+string(w.Tool), begin); err != nil {
			return err
		}
		schema, err := historySchema(ctx, conn, w)
		if err != nil || schema == "" {
			return err
		}
		shape := w.Tool.Shape()
		b.Table = plainName(schema, shape.Table)
		if b.Unreadable, err = unreadable(ctx, conn, schema, shape); err != nil || b.Unreadable != "" {
			return err
		}
		b.Rows, err = toolRows(ctx, conn, schema, shape, w)
		return err
	})
	return b, err
}

// plainName is a table's name for people: quoted only where it must be.
func plainName(schema, table string) string {
	if schema == "public" {
		return table
	}
	return schema + "." + table
}

// historySchema finds the schema that holds a tool's table: the one that the file names, or the first of the search
// path, or the only one.
func historySchema(ctx context.Context, conn *pgx.Conn, w migrator.Want) (string, error) {
	rows, err := conn.Query(ctx, server.Tag+`SELECT n.nspname FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%' AND ($2 = '' OR n.nspname = $2)
		ORDER BY array_position(current_schemas(false), n.nspname) NULLS LAST, n.nspname COLLATE "C" LIMIT 1`,
		w.Tool.Shape().Table, w.Schema)
	if err != nil {
		return "", server.Classify(ctx, conn.PgConn(), "look for the history of "+string(w.Tool), err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(all) == 0 {
		return "", server.Classify(ctx, conn.PgConn(), "look for the history of "+string(w.Tool), err)
	}
	return all[0], nil
}

// unreadable says why a table cannot be read as the tool's history, or "".
func unreadable(ctx context.Context, conn *pgx.Conn, schema string, s migrator.Shape) (string, error) {
	var may bool
	var columns []string
	name := pgx.Identifier{schema, s.Table}.Sanitize()
	err := conn.QueryRow(ctx, server.Tag+`SELECT has_schema_privilege($1, 'USAGE')
		AND has_table_privilege($2, 'SELECT'),
		(SELECT coalesce(array_agg(attname::text), '{}') FROM pg_attribute WHERE attrelid = (SELECT c.oid
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND c.relname = $3) AND attnum > 0 AND NOT attisdropped)`, schema, name,
		s.Table).Scan(&may, &columns)
	if err != nil {
		return "", server.Classify(ctx, conn.PgConn(), "look at "+name, err)
	}
	if !may {
		return "the role may not read it", nil
	}
	for _, c := range s.Columns {
		if !slices.Contains(columns, c) {
			return fmt.Sprintf("it has no column %s, so it is another tool's", c), nil
		}
	}
	return "", nil
}

func toolRows(ctx context.Context, conn *pgx.Conn, schema string, s migrator.Shape, w migrator.Want) ([]migrator.Row,
	error) {
	orEmpty := func(expr string) string {
		if expr == "" {
			return "''"
		}
		return "coalesce(" + expr + ", '')"
	}
	name := pgx.Identifier{schema, s.Table}.Sanitize()
	var sql strings.Builder
	fmt.Fprintf(&sql, "%sSELECT coalesce(%s, ''), %s, %s, %s FROM %s", server.Tag, s.Key, s.State, orEmpty(s.Sum),
		orEmpty(s.At), name)
	args := []any{}
	if !s.Current {
		fmt.Fprintf(&sql, " WHERE %s = ANY($1::text[])", s.Key)
		args = append(args, slices.Concat(w.Keys, w.Gone))
	}
	fmt.Fprintf(&sql, " ORDER BY %s LIMIT %d", s.OrderBy, maxToolRows)
	rows, err := conn.Query(ctx, sql.String(), args...)
	if err != nil {
		return nil, server.Classify(ctx, conn.PgConn(), "read "+name, err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (migrator.Row, error) {
		var row migrator.Row
		err := r.Scan(&row.Key, &row.State, &row.Sum, &row.At)
		return row, err
	})
	return all, server.Classify(ctx, conn.PgConn(), "read "+name, err)
}

// maxApplied bounds the names of one history table.
const maxApplied = 100_000

// historyColumn names the column in which a migration tool records names that its scripts ask for again: EF Core's,
// whatever its table is called and however its columns are spelled. Others keep what they keep: their scripts do not
// read it.
func historyColumn(t sqlreview.Table) (string, bool) {
	switch {
	case hasColumn(t, "MigrationId") && hasColumn(t, "ProductVersion"):
		return "MigrationId", true
	case hasColumn(t, "migration_id") && hasColumn(t, "product_version"):
		return "migration_id", true
	}
	return "", false
}

// histories reads them where the role may; a history that may not be read is no history, so nothing is passed over.
func (r *reader) histories(ctx context.Context) error {
	for _, t := range r.catalog.Tables {
		column, ok := historyColumn(t)
		if !ok || t.Kind != sqlreview.KindTable {
			continue
		}
		table := pgx.Identifier{t.Schema, t.Name}.Sanitize()
		var readable bool
		err := r.tx.QueryRow(ctx, "SELECT has_schema_privilege($1, 'USAGE') AND has_table_privilege($2, 'SELECT')",
			t.Schema, table).Scan(&readable)
		if err != nil {
			return fmt.Errorf("histories: %w", err)
		}
		if !readable {
			continue
		}
		h := sqlreview.History{Schema: t.Schema, Table: t.Name, Applied: []string{}}
		key := pgx.Identifier{column}.Sanitize()
		err = r.each(ctx, "histories", fmt.Sprintf(`SELECT %s::text FROM %s ORDER BY %s::text COLLATE "C" LIMIT %d`,
			key, table, key, maxApplied), func(rows pgx.Rows) error {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			h.Applied = append(h.Applied, name)
			return nil
		})
		if err != nil {
			return err
		}
		r.catalog.Histories = append(r.catalog.Histories, h)
	}
	return nil
}

func hasColumn(t sqlreview.Table, name string) bool {
	for _, c := range t.Columns {
		if c.Name == name {
			return true
		}
	}
	return false
}
