package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// scratchPrefix begins the name of every scratch database. Nothing else is ever dropped.
const scratchPrefix = "fairlead_rehearsal_"

// scratchTag names an owner (app and environment) in eight letters.
func scratchTag(owner string) string {
	sum := sha256.Sum256([]byte(owner))
	return hex.EncodeToString(sum[:4])
}

// scratchName is fairlead_rehearsal_<tag>_<run>_<number>; the number keeps two holders of one run apart.
func scratchName(owner, run string, number int64) string {
	run = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToLower(run))
	return fmt.Sprintf("%s%s_%s_%d", scratchPrefix, scratchTag(owner), run[:min(len(run), 24)], number%100_000)
}

// asRehearsal gives the same database for sessions that a later sweep of the owner may end.
func (d *Database) asRehearsal(owner string) *Database {
	other := d.In(d.base.Database)
	other.session.Run = "rehearse-" + scratchTag(owner)
	other.session.Notice = nil
	other.base.OnNotice = nil
	other.base.RuntimeParams["application_name"] = applicationName(other.session.Run)
	return other
}

const sweepLimit = 20 * time.Second

// sweep ends what earlier rehearsals of an owner still do on the server, and drops their scratch databases. It gives their names.
func (d *Database) sweep(ctx context.Context, owner string) ([]string, error) {
	if err := d.endRehearsals(ctx, owner); err != nil {
		return nil, err
	}
	var names []string
	err := d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := limit(ctx, askLimit)
		defer cancel()
		rows, err := conn.Query(ctx, "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1) ORDER BY 1", scratchPrefix+scratchTag(owner)+"_")
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return classify(ctx, conn.PgConn(), "look for scratch databases", err)
	})
	for i, name := range names {
		if err := d.DropDatabase(ctx, name); err != nil {
			return names[:i], err
		}
	}
	return names, err
}

// endRehearsals ends all sessions that carry the owner's name and waits until they are gone: one may still be making a database for a
// client that died.
func (d *Database) endRehearsals(ctx context.Context, owner string) error {
	ctx, cancel := limit(ctx, sweepLimit)
	defer cancel()
	mark := appPrefix + "rehearse-" + scratchTag(owner)
	return d.asLogin(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		for {
			var left int
			err := conn.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE (application_name = $1 OR application_name = 'pg_restore ' || $1) AND pid <> pg_backend_pid()`, mark).Scan(&left)
			if err != nil {
				return classify(ctx, conn.PgConn(), "end the sessions of an earlier rehearsal", err)
			}
			if left == 0 {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("end the sessions of an earlier rehearsal: %d do not end", left)
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

// copyDatabase makes a database out of another one, which nobody may be using.
func (d *Database) copyDatabase(ctx context.Context, from, name string) error {
	return d.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		quoted := pgx.Identifier{name}.Sanitize()
		err := slow(ctx, conn, "copy database "+from, "CREATE DATABASE "+quoted+" TEMPLATE "+pgx.Identifier{from}.Sanitize())
		if err == nil {
			err = run(ctx, conn, "set up database "+name, "REVOKE CONNECT, TEMPORARY ON DATABASE "+quoted+" FROM PUBLIC")
		}
		return err
	})
}

// dropScratch drops one database, whatever became of ctx.
func (d *Database) dropScratch(ctx context.Context, name string) error {
	ctx, cancel := limit(context.WithoutCancel(ctx), sweepLimit)
	defer cancel()
	var err error
	for range 3 { // a session that is just being made can be in the way
		if err = d.DropDatabase(ctx, name); err == nil {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("the scratch database %s is still there; the next rehearsal of this app drops it", name))
}
