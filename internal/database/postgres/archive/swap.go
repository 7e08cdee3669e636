package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
)

// swapTries is how often the live database is renamed again after sessions came back in between.
const swapTries = 20

// swapLimit is how long the renaming may take in all; the server gives up a lock sooner.
const swapLimit = time.Minute

// Swap puts the database name into the place of the configured one, which is called keep afterwards. It works from a
// third database; sessions of both end, and nobody can connect in between. When it fails, everything has its old name
// again and the live database takes connections again, as far as the server lets it; an interruption comes too late
// once nobody is let in any more.
func (a *Archive) Swap(ctx context.Context, name, keep string) error {
	live := a.server.Base.Database
	for _, n := range []string{name, keep} {
		if err := checkDatabaseName(n); err != nil {
			return err
		}
	}
	if err := a.carry(ctx, name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// a driver that is interrupted closes the connection, and the live database would stay closed
	ctx = context.WithoutCancel(ctx)
	var pid, oid uint32
	err := a.server.In(maintenance(live)).With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, swapLimit)
		defer cancel()
		if err := server.Run(ctx, conn, "limit the renaming", "SET lock_timeout = '20s'"); err != nil {
			return err
		}
		if err := conn.QueryRow(ctx, "SELECT oid FROM pg_database WHERE datname = $1", name).Scan(&oid); err != nil {
			return server.Classify(ctx, conn.PgConn(), "look for "+name, err)
		}
		pid = conn.PgConn().PID()
		if err := alone(ctx, conn, live, name); err != nil {
			return err
		}
		return server.RunUnlimited(ctx, conn, "put "+name+" in the place of "+live, swapSQL(live, name, keep))
	})
	if err == nil || pid == 0 {
		return err
	}
	return a.reopen(ctx, pid, oid, err)
}

// reopen lets sessions into the live database again after a renaming that was not answered well, on a connection of its
// own, once the old one is gone. Where the renaming was committed all the same (oid has the name), there is no error.
func (a *Archive) reopen(ctx context.Context, pid, oid uint32, cause error) error {
	live := a.server.Base.Database
	err := a.server.In(maintenance(live)).With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, swapLimit)
		defer cancel()
		for left := 1; left > 0; {
			err := conn.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = $1 "+
				"AND application_name = current_setting('application_name')", pid).Scan(&left)
			if err == nil && left > 0 {
				err = server.Sleep(ctx, 100*time.Millisecond)
			}
			if err != nil {
				return server.Classify(ctx, conn.PgConn(), "end the session that renames", err)
			}
		}
		var done bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND oid = $2)", live,
			oid).Scan(&done)
		if err == nil && done {
			cause = nil
			return nil
		}
		return errors.Join(server.Classify(ctx, conn.PgConn(), "look whether it was renamed", err),
			allow(ctx, conn, live, true))
	})
	return errors.Join(cause, err)
}

// swapSQL renames both in one transaction, so that no crash leaves the name of the live database without a database.
func swapSQL(live, name, keep string) string {
	l, n, k := pgx.Identifier{live}.Sanitize(), pgx.Identifier{name}.Sanitize(), pgx.Identifier{keep}.Sanitize()
	return fmt.Sprintf("BEGIN; ALTER DATABASE %s RENAME TO %s; ALTER DATABASE %s RENAME TO %s; ALTER DATABASE %s "+
		"WITH ALLOW_CONNECTIONS true; COMMIT", l, k, n, l, k)
}

// maintenance is a database to work from while others are renamed.
func maintenance(live string) string {
	if live == "postgres" {
		return "template1"
	}
	return "postgres"
}

// carry gives a database the owner, settings and grants of the configured one, none of which stand in a dump.
func (a *Archive) carry(ctx context.Context, name string) error {
	return a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var sql bytes.Buffer
		if err := lines(ctx, conn, &sql, "read the database's settings", databaseSQL, name); err != nil {
			return err
		}
		return server.RunUnlimited(ctx, conn, "give "+name+" the settings of the live database", sql.String())
	})
}

// alone ends the sessions of both and lets nobody into the live one any more, superusers included. After an error that
// may be so, too.
func alone(ctx context.Context, conn *pgx.Conn, live, name string) error {
	if err := allow(ctx, conn, live, false); err != nil {
		return err
	}
	for range swapTries {
		var left int
		err := conn.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN "+
			"($1, $2) AND pid <> pg_backend_pid()", live, name).Scan(&left)
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "end the sessions of "+live, err)
		}
		if left == 0 {
			return nil
		}
		if err := server.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("sessions of %s do not end", live)
}

func allow(ctx context.Context, conn *pgx.Conn, name string, yes bool) error {
	return server.RunUnlimited(ctx, conn, "let sessions into "+name,
		fmt.Sprintf("ALTER DATABASE %s WITH ALLOW_CONNECTIONS %t", pgx.Identifier{name}.Sanitize(), yes))
}
