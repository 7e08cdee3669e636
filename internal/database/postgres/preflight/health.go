package preflight

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
)

// looks are the questions of a preflight, by duty. All are asked in one read-only transaction.
func (p *Checker) looks() []func(context.Context, *pgx.Conn, *database.Facts) error {
	migrating := []func(context.Context, *pgx.Conn, *database.Facts) error{p.markers, p.others, p.prepared,
		p.replication, languages}
	dumping := []func(context.Context, *pgx.Conn, *database.Facts) error{readable, readableMore}
	switch p.server.Session.Duty {
	case server.Migrating:
		return migrating
	case server.Dumping:
		return dumping
	}
	return append(migrating, dumping...)
}

// prepared looks for transactions that were prepared and forgotten: they hold their locks without any session.
func (p *Checker) prepared(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, `SELECT gid, owner::text, extract(epoch FROM clock_timestamp() - prepared)::float8
		FROM pg_prepared_xacts
		WHERE database = current_database() ORDER BY prepared LIMIT 5`)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "list prepared transactions", err)
	}
	var gid, owner string
	var seconds float64
	_, err = pgx.ForEachRow(rows, []any{&gid, &owner, &seconds}, func() error {
		age := time.Duration(seconds * float64(time.Second))
		text := fmt.Sprintf("the prepared transaction '%s' of %s holds its locks for %s and no session will end it; "+
			"COMMIT PREPARED or ROLLBACK PREPARED '%s' does",
			server.Shortened(gid, 60), owner, age.Round(time.Second), server.Shortened(gid, 60))
		if age > p.server.Config.MaxOpenTransaction {
			f.Problems = append(f.Problems, text)
		} else {
			f.Notes = append(f.Notes, text)
		}
		return nil
	})
	return server.Classify(ctx, conn.PgConn(), "list prepared transactions", err)
}

// replication tells how far standbys are behind, and what slots hold back.
func (p *Checker) replication(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	if f.Standby {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, `SELECT coalesce(nullif(application_name, ''), client_addr::text, 'pid ' || pid),
		coalesce(extract(epoch FROM replay_lag), 0)::float8,
		coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), -1)::bigint FROM pg_stat_replication ORDER BY 2 DESC
		LIMIT 20`)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at replication", err)
	}
	var name string
	var seconds float64
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&name, &seconds, &bytes}, func() error {
		lag := time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond)
		switch {
		case bytes < 0:
			f.Notes = append(f.Notes, fmt.Sprintf("the standby %s is connected; how far it is behind is not shown "+
				"to the role %s (GRANT pg_monitor helps)", name, f.Role))
		case p.server.Config.MaxReplicationLag > 0 && lag > p.server.Config.MaxReplicationLag:
			f.Problems = append(f.Problems, fmt.Sprintf("the standby %s is %s and %s behind, more than "+
				"database.max_replication_lag (%s)", name, lag, server.Megabytes(bytes),
				p.server.Config.MaxReplicationLag))
		default:
			f.Notes = append(f.Notes, fmt.Sprintf("the standby %s is %s and %s behind", name, lag,
				server.Megabytes(bytes)))
		}
		return nil
	})
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at replication", err)
	}
	return slots(ctx, conn, f)
}

// heldBack is how much log a slot may keep before it is worth a word.
const heldBack = 64 << 20

func slots(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	rows, err := conn.Query(ctx, `SELECT slot_name::text, active,
		coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint FROM pg_replication_slots
		WHERE NOT active OR pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > $1 ORDER BY 3 DESC LIMIT 20`, heldBack)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "look at replication slots", err)
	}
	var name string
	var active bool
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&name, &active, &bytes}, func() error {
		state := "is used by nobody and"
		if active {
			state = "is in use and"
		}
		f.Notes = append(f.Notes, fmt.Sprintf("the replication slot %s %s holds back %s of the server's log; a "+
			"migration that writes much fills the disk sooner", name, state, server.Megabytes(bytes)))
		return nil
	})
	return server.Classify(ctx, conn.PgConn(), "look at replication slots", err)
}

// readableMore looks at what pg_dump reads beside tables: sequences, large objects, and the server's standing.
func readableMore(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
			AND e.deptype = 'e')
		AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT')) ORDER BY 1
			LIMIT 100`)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "list sequences", err)
	}
	closed, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "list sequences", err)
	}
	if len(closed) > 0 {
		f.Problems = append(f.Problems, fmt.Sprintf("the role %s may not read the sequences %s, so the backup would "+
			"fail; GRANT SELECT ON ALL SEQUENCES IN SCHEMA … helps", f.Role, several(closed, "sequences")))
	}
	return largeReadable(ctx, conn, f)
}

// largeReadable counts large objects that pg_dump could not read. pg_read_all_data covers them from 18 on.
func largeReadable(ctx context.Context, conn *pgx.Conn, f *database.Facts) error {
	var closed int64
	err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_largeobject_metadata l WHERE NOT (SELECT rolsuper FROM pg_roles
		WHERE rolname = current_user)
		AND current_setting('lo_compat_privileges') = 'off' AND NOT pg_has_role(l.lomowner, 'USAGE')
		AND NOT (current_setting('server_version_num')::int >= 180000 AND pg_has_role('pg_read_all_data', 'USAGE'))
		AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0
			OR pg_has_role(a.grantee, 'USAGE')))`).Scan(&closed)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "count large objects", err)
	}
	if closed > 0 {
		f.Problems = append(f.Problems, fmt.Sprintf("the role %s may not read %d large objects, so the backup would "+
			"fail; a role that owns them, or a superuser, must take it (backup.url)", f.Role, closed))
	}
	return nil
}
