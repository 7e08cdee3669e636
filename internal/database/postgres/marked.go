package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
)

// maxMarkers bounds how many markers are listed, the newest first.
const maxMarkers = 10_000

// AllMarkers lists every marker of an app in an environment, the newest first, at most 10,000; none where the place for them does not exist.
func (d *Database) AllMarkers(ctx context.Context, app, environment string) ([]apply.Marked, error) {
	var all []apply.Marked
	err := d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, tables, err := d.settled(ctx, conn)
		if err != nil || !tables {
			return err
		}
		ctx, cancel := limit(ctx, askLimit)
		defer cancel()
		rows, err := conn.Query(ctx, ours+"SELECT migration, unit, sha256, run, fence, done, at FROM "+d.table("applied")+
			" WHERE app = $1 AND environment = $2 ORDER BY at DESC, unit DESC LIMIT $3", app, environment, maxMarkers)
		if err != nil {
			return classify(ctx, conn.PgConn(), "list the markers", err)
		}
		all, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (apply.Marked, error) {
			var a apply.Marked
			err := r.Scan(&a.Migration, &a.Unit, &a.SHA256, &a.Run, &a.Fence, &a.Done, &a.At)
			a.At = a.At.UTC()
			return a, err
		})
		return classify(ctx, conn.PgConn(), "list the markers", err)
	})
	return all, err
}
