package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// swapTries is how often the live database is renamed again after sessions came back in between.
const swapTries = 20

// Swap puts the database name into the place of the configured one, which is called keep afterwards. It works from a third database;
// sessions of both end, and nobody can connect in between. When it fails, everything has its old name again, as far as the server lets it.
func (d *Database) Swap(ctx context.Context, name, keep string) error {
	live := d.base.Database
	for _, n := range []string{name, keep} {
		if err := checkDatabaseName(n); err != nil {
			return err
		}
	}
	if err := d.carry(ctx, name); err != nil {
		return err
	}
	return d.In(maintenance(live)).with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := alone(ctx, conn, live, name); err != nil {
			return err
		}
		err := slow(ctx, conn, "put "+name+" in the place of "+live, swapSQL(live, name, keep))
		if err != nil {
			err = errors.Join(err, slow(context.WithoutCancel(ctx), conn, "roll back", "ROLLBACK"), allow(context.WithoutCancel(ctx), conn, live, true))
		}
		return err
	})
}

// swapSQL renames both in one transaction, so that no crash leaves the name of the live database without a database.
func swapSQL(live, name, keep string) string {
	l, n, k := pgx.Identifier{live}.Sanitize(), pgx.Identifier{name}.Sanitize(), pgx.Identifier{keep}.Sanitize()
	return fmt.Sprintf("BEGIN; ALTER DATABASE %s RENAME TO %s; ALTER DATABASE %s RENAME TO %s; ALTER DATABASE %s WITH ALLOW_CONNECTIONS true; COMMIT", l, k, n, l, k)
}

// maintenance is a database to work from while others are renamed.
func maintenance(live string) string {
	if live == "postgres" {
		return "template1"
	}
	return "postgres"
}

// carry gives a database the owner, settings and grants of the configured one, none of which stand in a dump.
func (d *Database) carry(ctx context.Context, name string) error {
	return d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var sql bytes.Buffer
		if err := lines(ctx, conn, &sql, "read the database's settings", databaseSQL, name); err != nil {
			return err
		}
		return slow(ctx, conn, "give "+name+" the settings of the live database", sql.String())
	})
}

// alone ends the sessions of both and lets nobody into the live one any more, superusers included.
func alone(ctx context.Context, conn *pgx.Conn, live, name string) error {
	if err := allow(ctx, conn, live, false); err != nil {
		return err
	}
	for range swapTries {
		var left int
		err := conn.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN ($1, $2) AND pid <> pg_backend_pid()", live, name).Scan(&left)
		if err != nil {
			return errors.Join(classify(ctx, conn.PgConn(), "end the sessions of "+live, err), allow(context.WithoutCancel(ctx), conn, live, true))
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.Join(fmt.Errorf("sessions of %s do not end", live), allow(context.WithoutCancel(ctx), conn, live, true))
}

func allow(ctx context.Context, conn *pgx.Conn, name string, yes bool) error {
	return slow(ctx, conn, "let sessions into "+name, fmt.Sprintf("ALTER DATABASE %s WITH ALLOW_CONNECTIONS %t", pgx.Identifier{name}.Sanitize(), yes))
}
