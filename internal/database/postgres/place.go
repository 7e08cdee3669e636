package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/fault"
)

// SetupSQL gives the statements that create the place of markers and takeover numbers, for a role that may not create it itself.
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

// settled tells whether the place exists.
func (d *Database) settled(ctx context.Context, conn *pgx.Conn) (schema, tables bool, err error) {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	err = conn.QueryRow(ctx, ours+`SELECT count(DISTINCT n.oid) = 1, count(c.oid) = 2
		FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r' AND c.relname IN ('fence', 'applied')
		WHERE n.nspname = $1`, d.config.Schema).Scan(&schema, &tables)
	return schema, tables, classify(ctx, conn.PgConn(), "look for schema "+d.config.Schema, err)
}

// settle creates the place where it is missing.
func (d *Database) settle(ctx context.Context, conn *pgx.Conn) error {
	schema, tables, err := d.settled(ctx, conn)
	if err != nil || tables {
		return err
	}
	sql := tablesSQL(d.config.Schema)
	if !schema {
		sql = SetupSQL(d.config.Schema)
	}
	err = run(ctx, conn, "create the place of markers", "BEGIN; SET LOCAL lock_timeout = '1s';\n"+sql+"COMMIT;")
	switch code(err) {
	case "":
		return err
	case codeNoPrivilege:
		return d.mayNotSettle(err)
	}
	// Somebody else may have created it at the same moment (23505, 42P06, 42P07).
	_ = run(ctx, conn, "roll back", "ROLLBACK")
	if _, tables, again := d.settled(ctx, conn); again == nil && tables {
		return nil
	}
	return err
}

func (d *Database) mayNotSettle(err error) error {
	return &fault.Fault{Code: "database-rights", Err: err,
		What:  fmt.Sprintf("the role %s may not create schema %s in %s", d.base.User, d.config.Schema, d.base.Database),
		Means: "fairlead keeps its markers there, so nothing was applied; the database is unchanged",
		Do:    []fault.Command{{Line: "fairlead database setup --print", Why: "shows the statements for a role that may"}}}
}
