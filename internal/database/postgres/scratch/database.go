package scratch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/archive"
	"fairlead/internal/database/postgres/server"
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

// databases are those of one server, as an archive makes, fills and drops them.
type databases struct {
	server  *server.Server
	archive *archive.Archive
}

func databasesOn(s *server.Server) *databases { return &databases{s, archive.New(s)} }

// asRehearsal gives the same database for sessions that a later sweep of the owner may end.
func asRehearsal(s *server.Server, owner string) *server.Server {
	other := s.In(s.Base.Database)
	other.Session.Run = "rehearse-" + scratchTag(owner)
	other.Session.Notice = nil
	other.Base.OnNotice = nil
	other.Base.RuntimeParams["application_name"] = server.ApplicationName(other.Session.Run)
	return other
}

const sweepLimit = 20 * time.Second

// sweep ends what earlier rehearsals of an owner still do on the server, and drops their scratch databases. It gives
// their names.
func (d *databases) sweep(ctx context.Context, owner string) ([]string, error) {
	if err := d.endRehearsals(ctx, owner); err != nil {
		return nil, err
	}
	var names []string
	err := d.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		rows, err := conn.Query(ctx, "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1) "+
			"ORDER BY 1", scratchPrefix+scratchTag(owner)+"_")
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return server.Classify(ctx, conn.PgConn(), "look for scratch databases", err)
	})
	for i, name := range names {
		if err := d.archive.DropDatabase(ctx, name); err != nil {
			return names[:i], err
		}
	}
	return names, err
}

// endRehearsals ends all sessions that carry the owner's name and waits until they are gone: one may still be making a
// database for a client that died.
func (d *databases) endRehearsals(ctx context.Context, owner string) error {
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	mark := server.AppPrefix + "rehearse-" + scratchTag(owner)
	return d.server.WithLogin(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		for {
			var left int
			err := conn.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE (application_name = $1 OR application_name = 'pg_restore ' || $1) AND pid <> pg_backend_pid()`,
				mark).Scan(&left)
			if err != nil {
				return server.Classify(ctx, conn.PgConn(), "end the sessions of an earlier rehearsal", err)
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
func (d *databases) copyDatabase(ctx context.Context, from, name string) error {
	return d.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		quoted := pgx.Identifier{name}.Sanitize()
		err := server.RunUnlimited(ctx, conn, "copy database "+from, "CREATE DATABASE "+quoted+" TEMPLATE "+
			pgx.Identifier{from}.Sanitize())
		if err == nil {
			err = server.Run(ctx, conn, "set up database "+name, "REVOKE CONNECT, TEMPORARY ON DATABASE "+quoted+
				" FROM PUBLIC")
		}
		return err
	})
}

// dropScratch drops one database, whatever became of ctx.
func (d *databases) dropScratch(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepLimit)
	defer cancel()
	var err error
	for range 3 { // a session that is just being made can be in the way
		if err = d.archive.DropDatabase(ctx, name); err == nil {
			return nil
		}
	}
	return errors.Join(err,
		fmt.Errorf("the scratch database %s is still there; the next rehearsal of this app drops it", name))
}
