package applier

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/fence"
)

// maxMarkers bounds how many markers are listed, the newest first.
const maxMarkers = 10_000

// AllMarkers lists every marker of an app in an environment, the newest first, at most 10,000; none where the place for
// them does not exist.
func (a *Applier) AllMarkers(ctx context.Context, app, environment string) ([]apply.Marked, error) {
	var all []apply.Marked
	err := a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, tables, err := a.Tables(ctx, conn)
		if err != nil || !tables {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		rows, err := conn.Query(ctx, server.Tag+"SELECT migration, unit, sha256, run, fence, done, at FROM "+
			a.TableName("applied")+
			" WHERE app = $1 AND environment = $2 ORDER BY at DESC, unit DESC LIMIT $3", app, environment, maxMarkers)
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "list the markers", err)
		}
		all, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (apply.Marked, error) {
			var m apply.Marked
			err := r.Scan(&m.Migration, &m.Unit, &m.SHA256, &m.Run, &m.Fence, &m.Done, &m.At)
			m.At = m.At.UTC()
			return m, err
		})
		return server.Classify(ctx, conn.PgConn(), "list the markers", err)
	})
	return all, err
}

// Unmark takes the committed intent of a unit back, of which it is proved that nothing of it was done. It is fenced as
// a marker is.
func (a *Applier) Unmark(ctx context.Context, t fence.Ticket, k apply.Key, unit int) error {
	return a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		err := server.Run(ctx, conn, "begin to take the intent back", fmt.Sprintf(
			"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on; SET LOCAL "+
				"lock_timeout = %d", a.server.Config.LockTimeout.Milliseconds()))
		if err != nil {
			return err
		}
		if err := a.checkFence(ctx, conn, t, " FOR UPDATE"); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, server.Tag+"DELETE FROM "+a.TableName("applied")+" WHERE app = $1 AND environment = "+
			"$2 AND migration = $3 AND unit = $4 AND NOT done", k.App, k.Environment, k.Migration, unit)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == server.CodeNoPrivilege {
			return nil // a role that may not delete leaves it; a resumed run asks again
		}
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "take the intent back", err)
		}
		return commit(ctx, conn)
	})
}

// mark inserts one marker and gives ErrMarked when there is one.
func (a *Applier) mark(ctx context.Context, conn *pgx.Conn, k apply.Key, m apply.Marker) error {
	if a.Markerless() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.server.Config.LockTimeout+server.QueryLimit)
	defer cancel()
	_, err := conn.Exec(ctx, server.Tag+"INSERT INTO "+a.TableName("applied")+
		` (app, environment, migration, unit, sha256, run, fence, xid, done)
		VALUES ($1, $2, $3, $4, $5, $6, $7, pg_current_xact_id()::text, $8)`,
		k.App, k.Environment, k.Migration, m.Unit, m.SHA256, m.Run, m.Fence, m.Done)
	err = server.Classify(ctx, conn.PgConn(), "insert the marker", err)
	if server.Code(err) == server.CodeUniqueViolation {
		return fmt.Errorf("%w: unit %d of %.12s", apply.ErrMarked, m.Unit+1, k.Migration)
	}
	return err
}

// Markers gives the committed markers of a key.
func (a *Applier) Markers(ctx context.Context, k apply.Key) ([]apply.Marker, error) {
	if a.Markerless() {
		return nil, apply.ErrNoMarkers
	}
	var all []apply.Marker
	err := a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, tables, err := a.Tables(ctx, conn)
		if err != nil || !tables {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		rows, err := conn.Query(ctx, "SELECT unit, sha256, run, fence, done, at FROM "+a.TableName("applied")+
			" WHERE app = $1 AND environment = $2 AND migration = $3 ORDER BY unit, done", k.App, k.Environment,
			k.Migration)
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "read markers", err)
		}
		all, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (apply.Marker, error) {
			var m apply.Marker
			err := r.Scan(&m.Unit, &m.SHA256, &m.Run, &m.Fence, &m.Done, &m.At)
			m.At = m.At.UTC()
			return m, err
		})
		return server.Classify(ctx, conn.PgConn(), "read markers", err)
	})
	return all, err
}
