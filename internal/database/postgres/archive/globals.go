package archive

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
)

// Globals writes the server's roles, memberships and role settings, without passwords, as pg_dumpall does; then what
// belongs to the database itself and to no dump of it (settings, owner, grants). Where pg_dumpall is missing or may not
// read, the roles are read here.
func (a *Archive) Globals(ctx context.Context, w io.Writer) (missing []string, err error) {
	missing = []string{"the roles' passwords, which nobody but a superuser may read: set them anew",
		"the server's own settings (postgresql.conf, ALTER SYSTEM)"}
	err = a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := server.Run(ctx, conn, "read the roles", "SET statement_timeout = '60s'; BEGIN ISOLATION LEVEL "+
			"REPEATABLE READ READ ONLY"); err != nil {
			return err
		}
		why := a.dumpAll(ctx, server.Version(conn)/10000, w)
		if why != nil {
			missing = append(missing, fmt.Sprintf("tablespaces and the settings of roles, because pg_dumpall did "+
				"not work (%v)", why))
			if err := lines(ctx, conn, w, "read the roles", rolesSQL); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(w, "\n-- of the database %s itself; put the new database's name in where it is "+
			"another one\n", strings.ReplaceAll(a.server.Base.Database, "\n", " ")); err != nil {
			return err
		}
		return lines(ctx, conn, w, "read the database's settings", databaseSQL, a.server.Base.Database)
	})
	return missing, err
}

// dumpAll runs pg_dumpall. What it has written before an error is no harm: the statements that follow say the same
// again.
func (a *Archive) dumpAll(ctx context.Context, major int, w io.Writer) error {
	t, err := a.server.Tool(ctx, "pg_dumpall", major)
	if err != nil {
		return err
	}
	args := []string{"--globals-only", "--no-role-passwords", "--no-password", "--database=" +
		conninfo(a.server.Base.Database)}
	if a.server.Config.Role != "" {
		args = append(args, "--role="+a.server.Config.Role)
	}
	ctx, cancel := context.WithTimeout(ctx, globalsLimit)
	defer cancel()
	out := &pipe{w: w}
	err = a.server.RunConnected(ctx, t, server.Command{Name: "pg_dumpall", Args: args, Out: out})
	return cmp.Or(out.err, err)
}

const globalsLimit = 2 * server.QueryLimit

// rolesSQL gives a statement per role and membership; everybody may read these views.
const rolesSQL = `SELECT s FROM (
	SELECT 1 AS k, rolname AS a, '' AS b, format('CREATE ROLE %I %s %s %s %s %s %s %s;', rolname,
		CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END, CASE WHEN rolinherit THEN 'INHERIT'
		ELSE 'NOINHERIT' END,
		CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB'
		ELSE 'NOCREATEDB' END,
		CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN rolreplication THEN 'REPLICATION'
		ELSE 'NOREPLICATION' END,
		CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END) AS s FROM pg_roles WHERE rolname !~ '^pg_'
	UNION ALL
	SELECT 2, g.rolname, m.rolname, format('GRANT %I TO %I%s;', g.rolname, m.rolname, CASE WHEN bool_or(a.admin_option)
		THEN ' WITH ADMIN OPTION' ELSE '' END)
	FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
		WHERE m.rolname !~ '^pg_' GROUP BY 2, 3
	) x ORDER BY k, a, b LIMIT 100000`

// databaseSQL gives what pg_dump writes only together with CREATE DATABASE: of the configured database, for one of
// another name.
const databaseSQL = `SELECT s FROM (
	SELECT 1 AS k, format('ALTER DATABASE %I OWNER TO %I;', $1::text, pg_get_userbyid(datdba)) AS s FROM pg_database
		WHERE datname = current_database()
	UNION ALL
	SELECT 2, format('ALTER %sDATABASE %I SET %I TO %s;', CASE WHEN r.setrole <> 0
		THEN format('ROLE %I IN ', pg_get_userbyid(r.setrole)) ELSE '' END, $1::text, split_part(c, '=', 1),
		CASE WHEN lower(split_part(c, '=', 1)) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries',
		'session_preload_libraries', 'unix_socket_directories')
			AND substr(c, strpos(c, '=') + 1) <> ''
				THEN substr(c, strpos(c, '=') + 1) -- lists, which the server has quoted already
			ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END)
	FROM pg_db_role_setting r JOIN pg_database d ON d.oid = r.setdatabase, unnest(r.setconfig) c
		WHERE d.datname = current_database()
	UNION ALL
	SELECT 3, format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', $1::text) FROM pg_database
		WHERE datname = current_database() AND datacl IS NOT NULL
	UNION ALL
	SELECT 4, format('GRANT %s ON DATABASE %I TO %s%s;', a.privilege_type, $1::text, CASE WHEN a.grantee = 0
		THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
		CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM pg_database d, aclexplode(d.datacl) a
		WHERE d.datname = current_database()
	) x ORDER BY k, s LIMIT 100000`

// lines writes one line per row.
func lines(ctx context.Context, conn *pgx.Conn, w io.Writer, what, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, globalsLimit)
	defer cancel()
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), what, err)
	}
	var line string
	_, err = pgx.ForEachRow(rows, []any{&line}, func() error {
		_, err := io.WriteString(w, line+"\n")
		return err
	})
	return server.Classify(ctx, conn.PgConn(), what, err)
}
