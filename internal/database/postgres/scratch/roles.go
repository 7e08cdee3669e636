package scratch

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
)

// original is what a scratch server must have in common with the server that it stands for.
type original struct {
	major    int
	system   string // identifier of the server
	size     int64
	login    string
	owner    string // of the database
	creates  bool   // the login may create schemas in it
	super    bool   // the login, or the role that it takes on, is a superuser
	roles    []roleMade
	members  []membership
	settings map[string]string // of the server
	session  map[string]string // of the database and the login
}

type roleMade struct {
	Name                            string
	Super, Inherit, CreateRole      bool
	CreateDB, Replication, BypassRL bool
}

type membership struct {
	Role, Member string
	Admin        bool
}

const maxRoles = 10_000

// readOriginal reads it.
func readOriginal(ctx context.Context, s *server.Server) (original, error) {
	var o original
	err := s.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		o.major = server.Version(conn) / 10000
		err := conn.QueryRow(ctx, `SELECT (SELECT system_identifier::text
			FROM pg_control_system()), pg_database_size(oid), session_user::text, pg_get_userbyid(datdba)::text,
				has_database_privilege(current_user, oid, 'CREATE'),
			coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false) OR coalesce((SELECT rolsuper
			FROM pg_roles WHERE rolname = session_user), false)
			FROM pg_database WHERE datname = current_database()`).Scan(&o.system, &o.size, &o.login, &o.owner,
			&o.creates, &o.super)
		if err == nil {
			err = o.readRoles(ctx, conn)
		}
		if err == nil {
			o.settings, err = settingsOf(ctx, conn, `SELECT name, CASE name WHEN 'shared_buffers'
				THEN least(setting::bigint, 65536)::text ELSE current_setting(name) END FROM pg_settings
				WHERE name = ANY ($1)`, serverSettings())
		}
		if err == nil {
			o.session, err = settingsOf(ctx, conn, `SELECT name, current_setting(name) FROM pg_settings
				WHERE source IN ('database', 'user', 'database user') AND context = 'user'`)
		}
		return server.Classify(ctx, conn.PgConn(), "look at what a scratch server must be like", err)
	})
	return o, err
}

func (o *original) readRoles(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb,
		rolreplication, rolbypassrls FROM pg_roles
		WHERE rolname !~ '^pg_' ORDER BY 1 LIMIT $1`, maxRoles)
	if err == nil {
		o.roles, err = pgx.CollectRows(rows, pgx.RowToStructByPos[roleMade])
	}
	if err != nil {
		return err
	}
	rows, err = conn.Query(ctx, `SELECT r.rolname::text, m.rolname::text, bool_or(a.admin_option) FROM pg_auth_members a
		JOIN pg_roles r ON r.oid = a.roleid
		JOIN pg_roles m ON m.oid = a.member WHERE m.rolname !~ '^pg_' GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $1`, maxRoles)
	if err == nil {
		o.members, err = pgx.CollectRows(rows, pgx.RowToStructByPos[membership])
	}
	return err
}

func settingsOf(ctx context.Context, conn *pgx.Conn, sql string, args ...any) (map[string]string, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error { all[name] = value; return nil })
	return all, err
}

// serverSettings are those that decide how long work takes and what is allowed; a scratch server takes them over.
func serverSettings() []string {
	return []string{"shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size", "max_wal_size",
		"min_wal_size", "checkpoint_timeout", "wal_level", "fsync", "synchronous_commit", "full_page_writes",
		"wal_compression", "max_worker_processes", "max_parallel_workers", "max_parallel_maintenance_workers",
		"max_parallel_workers_per_gather", "random_page_cost", "seq_page_cost", "effective_io_concurrency", "jit",
		"max_locks_per_transaction", "TimeZone", "DateStyle", "IntervalStyle", "standard_conforming_strings",
		"default_table_access_method", "xmlbinary", "bytea_output", "array_nulls", "transform_null_equals"}
}

// rolesSQL makes the roles of the original, without passwords. harmless takes superuser rights and those to files and
// programs from all of them.
func (o original) rolesSQL(harmless bool) string {
	var b strings.Builder
	is := func(yes bool, word string) string {
		if yes {
			return " " + word
		}
		return " NO" + word
	}
	for _, r := range o.roles {
		if r.Name == scratchUser {
			continue
		}
		b.WriteString("CREATE ROLE " + pgx.Identifier{r.Name}.Sanitize() + " LOGIN" +
			is(r.Super && !harmless, "SUPERUSER") + is(r.Inherit, "INHERIT") +
			is(r.CreateRole || r.Super, "CREATEROLE") + is(r.CreateDB || r.Super, "CREATEDB") +
			is(r.BypassRL || r.Super, "BYPASSRLS") + ";\n")
	}
	dangerous := []string{"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"}
	for _, m := range o.members {
		if harmless && slices.Contains(dangerous, m.Role) || m.Member == scratchUser || m.Role == scratchUser {
			continue
		}
		admin := ""
		if m.Admin {
			admin = " WITH ADMIN OPTION"
		}
		b.WriteString("GRANT " + pgx.Identifier{m.Role}.Sanitize() + " TO " + pgx.Identifier{m.Member}.Sanitize() +
			admin + ";\n")
	}
	return b.String()
}
