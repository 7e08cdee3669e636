package archive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
)

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
