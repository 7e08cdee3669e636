package applier

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fault"
)

// TableName gives the quoted name of one of our tables.
func (a *Applier) TableName(name string) string {
	return pgx.Identifier{a.server.Config.Schema, name}.Sanitize()
}

// SetupSQL gives the statements that create the place of markers and takeover numbers, for a role that may not create
// it itself.
func SetupSQL(schema string) string {
	s := pgx.Identifier{schema}.Sanitize()
	return fmt.Sprintf(`CREATE SCHEMA %[1]s;
%[2]s`, s, tablesSQL(schema))
}

func tablesSQL(schema string) string {
	s := pgx.Identifier{schema}.Sanitize()
	return fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %[1]s.fence (
	app text NOT NULL,
	environment text NOT NULL,
	ledger text NOT NULL,
	number bigint NOT NULL CHECK (number > 0),
	run text NOT NULL,
	holder text NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (app, environment)
);
CREATE TABLE IF NOT EXISTS %[1]s.applied (
	app text NOT NULL,
	environment text NOT NULL,
	migration text NOT NULL,
	unit integer NOT NULL,
	sha256 text NOT NULL,
	run text NOT NULL,
	fence bigint NOT NULL,
	xid text NOT NULL,
	done boolean NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (app, environment, migration, unit, done)
);
`, s)
}

// Tables tells whether the place exists.
func (a *Applier) Tables(ctx context.Context, conn *pgx.Conn) (schema, tables bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	err = conn.QueryRow(ctx, server.Tag+`SELECT count(DISTINCT n.oid) = 1, count(c.oid) = 2
		FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
			AND c.relname IN ('fence', 'applied')
		WHERE n.nspname = $1`, a.server.Config.Schema).Scan(&schema, &tables)
	return schema, tables, server.Classify(ctx, conn.PgConn(), "look for schema "+a.server.Config.Schema, err)
}

// createTables creates the place where it is missing.
func (a *Applier) createTables(ctx context.Context, conn *pgx.Conn) error {
	schema, tables, err := a.Tables(ctx, conn)
	if err != nil || tables {
		return err
	}
	sql := tablesSQL(a.server.Config.Schema)
	if !schema {
		sql = SetupSQL(a.server.Config.Schema)
	}
	err = server.Run(ctx, conn, "create the place of markers", "BEGIN; SET LOCAL lock_timeout = '1s';\n"+sql+"COMMIT;")
	switch server.Code(err) {
	case "":
		return err
	case server.CodeNoPrivilege:
		return a.mayNotCreate(err)
	}
	// Somebody else may have created it at the same moment (23505, 42P06, 42P07).
	_ = server.Run(ctx, conn, "roll back", "ROLLBACK")
	if _, tables, again := a.Tables(ctx, conn); again == nil && tables {
		return nil
	}
	return err
}

func (a *Applier) mayNotCreate(err error) error {
	return &fault.Fault{Code: "database-rights", Err: err,
		What: fmt.Sprintf("the role %s may not create schema %s in %s", a.server.Base.User, a.server.Config.Schema,
			a.server.Base.Database),
		Means: "fairlead keeps its markers there, so nothing was applied; the database is unchanged",
		Do: []fault.Command{{Line: "fairlead database setup --print",
			Why: "shows the statements for a role that may"}}}
}
