package archive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
)

// Since tells what a restore of a snapshot's dump would lose now.
func (a *Archive) Since(ctx context.Context, m database.Mark) (database.Gap, error) {
	var g database.Gap
	err := a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		now, err := activity(ctx, conn)
		if err != nil {
			return err
		}
		g = written(m.Activity, now, a.server.Config.Schema)
		log, err := archiving(ctx, conn)
		if err != nil {
			return err
		}
		g.Archive = log.words
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		err = conn.QueryRow(ctx, `SELECT greatest(extract(epoch FROM clock_timestamp() - $1::timestamptz), 0)::float8,
			CASE WHEN pg_is_in_recovery() THEN 0 ELSE greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), $2::pg_lsn),
			0)::bigint END`, m.At, m.LSN).Scan(&g.Seconds, &g.Log)
		return server.Classify(ctx, conn.PgConn(), "measure the gap", err)
	})
	return g, err
}

// most is how many tables a gap names.
const most = 10

// written compares two readings. A table whose count went back was counted anew after a crash: what it has now is what
// is known.
func written(then, now map[string]int64, without string) database.Gap {
	g := database.Gap{Tables: map[string]int64{}}
	ours := pgx.Identifier{without}.Sanitize() + "."
	for name, n := range now {
		if strings.HasPrefix(name, without+".") || strings.HasPrefix(name, ours) {
			continue
		}
		if was := then[name]; was <= n {
			n -= was
		}
		if n > 0 {
			g.Rows += n
			g.Tables[name] = n
		}
	}
	names := slices.SortedFunc(maps.Keys(g.Tables), func(a, b string) int {
		return cmp.Or(cmp.Compare(g.Tables[b], g.Tables[a]), cmp.Compare(a, b))
	})
	for _, name := range names[min(most, len(names)):] {
		delete(g.Tables, name)
	}
	return g
}

// activity reads, per table, how many rows were inserted, updated or deleted since the server began to count. The
// server's own count is a little behind and begins anew after a crash.
func activity(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, contentsLimit)
	defer cancel()
	rows, err := conn.Query(ctx, `SELECT format('%I.%I', schemaname, relname), n_tup_ins + n_tup_upd + n_tup_del
		FROM pg_stat_user_tables
		WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND schemaname !~ '^pg_' LIMIT `+fmt.Sprint(maxTables))
	if err != nil {
		return nil, server.Classify(ctx, conn.PgConn(), "read the tables' statistics", err)
	}
	all := map[string]int64{}
	var name string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { all[name] = n; return nil })
	return all, server.Classify(ctx, conn.PgConn(), "read the tables' statistics", err)
}

// archive is what the server does with its log.
type archive struct {
	works bool
	words string
}

// archiving asks whether the log is kept, which is the only way back to a moment after the snapshot.
func archiving(ctx context.Context, conn *pgx.Conn) (archive, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var mode, failed, last string
	var failing, ever bool
	err := conn.QueryRow(ctx, `SELECT current_setting('archive_mode'), coalesce(last_failed_time >
		coalesce(last_archived_time, '-infinity'), false),
		last_archived_time IS NOT NULL,
		coalesce(to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'), ''),
		coalesce(to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'), '')
		FROM pg_stat_archiver`).Scan(&mode, &failing, &ever, &failed, &last)
	if err != nil {
		return archive{}, server.Classify(ctx, conn.PgConn(), "look at the server's archive", err)
	}
	switch {
	case mode == "off":
		return archive{words: "archive_mode is off: what is written after the backup began cannot be had back"}, nil
	case failing:
		return archive{words: "archiving fails since " + failed +
			": what is written after the backup began may not be had back"}, nil
	case !ever:
		return archive{works: true, words: "archive_mode is " + mode + ", but nothing was archived yet"}, nil
	}
	return archive{works: true, words: "the server archives its log, last at " + last}, nil
}

// RestorePoint marks the present moment in the server's log where archiving works and the role may.
func (a *Archive) RestorePoint(ctx context.Context, name string) (database.RestorePoint, error) {
	var p database.RestorePoint
	err := a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		log, err := archiving(ctx, conn)
		if err != nil {
			return err
		}
		if !log.works {
			p.Why = log.words
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		name = name[:min(len(name), 63)]
		err = conn.QueryRow(ctx, `SELECT pg_create_restore_point($1)::text, `+server.IdentitySQL, name).Scan(&p.LSN,
			&p.System, &p.Timeline, new(string))
		if server.Code(err) == server.CodeNoPrivilege {
			p.Why = fmt.Sprintf("the role %s may not create a restore point (GRANT EXECUTE ON FUNCTION "+
				"pg_create_restore_point(text) helps)", a.server.Base.User)
			return nil
		}
		if err == nil {
			p.Name = name
		}
		return server.Classify(ctx, conn.PgConn(), "create a restore point", err)
	})
	return p, err
}
