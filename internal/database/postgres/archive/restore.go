package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
)

// CodeDuplicateDatabase is what the server says when the name is taken.
const CodeDuplicateDatabase = "42P04"

// CreateDatabase makes an empty database; database.ErrOccupied when there is one of that name. Nothing of template1 is
// in it.
func (a *Archive) CreateDatabase(ctx context.Context, n database.NewDatabase) error {
	if err := checkDatabaseName(n.Name); err != nil {
		return err
	}
	return a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if n.Locale == (database.Locale{}) {
			var err error
			if n.Locale, err = Locale(ctx, conn); err != nil {
				return err
			}
		}
		quoted := pgx.Identifier{n.Name}.Sanitize()
		if err := server.RunUnlimited(ctx, conn, "create database "+n.Name, "CREATE DATABASE "+quoted+
			" TEMPLATE template0"+localeSQL(n.Locale)); err != nil {
			if server.Code(err) == CodeDuplicateDatabase {
				return fmt.Errorf("create database %s: %w", n.Name, database.ErrOccupied)
			}
			return err
		}
		sql := ""
		if n.Private {
			sql += "REVOKE CONNECT, TEMPORARY ON DATABASE " + quoted + " FROM PUBLIC;"
		}
		if n.Comment != "" {
			sql += "COMMENT ON DATABASE " + quoted + " IS " + server.Literal(n.Comment) + ";"
		}
		if sql == "" {
			return nil
		}
		if err := server.Run(ctx, conn, "set up database "+n.Name, sql); err != nil {
			return errors.Join(err, a.DropDatabase(context.WithoutCancel(ctx), n.Name))
		}
		return nil
	})
}

// DropDatabase ends the sessions in a database and drops it; that it is gone already is fine. The configured database
// is never dropped.
func (a *Archive) DropDatabase(ctx context.Context, name string) error {
	if err := checkDatabaseName(name); err != nil {
		return err
	}
	if name == a.server.Base.Database {
		return fmt.Errorf("drop database %s: it is the one of database.url", name)
	}
	return a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return server.RunUnlimited(ctx, conn, "drop database "+name, "DROP DATABASE IF EXISTS "+
			pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	})
}

// Restore writes an archive into a database that must be there and hold nothing of its own: database.ErrOccupied
// otherwise. It stops at the first error; what was written until then stays, for the caller to drop. The archive is
// read from r, or from o.File.
func (a *Archive) Restore(ctx context.Context, name string, r io.Reader, o database.RestoreOptions) error {
	if err := checkDatabaseName(name); err != nil {
		return err
	}
	t, err := a.restorer(ctx, name, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.Format == database.FormatDirectory {
		work, err := a.unpackedFor(ctx, r, o.File)
		if err != nil {
			return err
		}
		defer work.Remove()
		o.File = work.Path
		if o.Jobs == 0 {
			o.Jobs = a.server.Session.DirectoryJobs
		}
	}
	in := &counted{r: r}
	c := server.Command{Name: "pg_restore", Args: restoreArguments(name, a.server.Config.Role, o)}
	if o.File == "" {
		c.In = in
	}
	err = a.server.RunConnected(ctx, t, c)
	if in.err != nil {
		return fmt.Errorf("read the archive: %w", in.err)
	}
	if err != nil || !o.Analyze {
		return err
	}
	return a.server.In(name).With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return server.RunUnlimited(ctx, conn, "gather statistics", "ANALYZE")
	})
}

// restorer finds pg_restore and looks that the database is empty.
func (a *Archive) restorer(ctx context.Context, name string, o database.RestoreOptions) (server.Tool, error) {
	major := server.LeadingNumber(o.Dumper)
	err := a.server.In(name).With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		major = max(major, server.Version(conn)/10000)
		return empty(ctx, conn, name)
	})
	if err != nil {
		return server.Tool{}, err
	}
	return a.server.ToolHere(ctx, "pg_restore", major)
}

func restoreArguments(name, role string, o database.RestoreOptions) []string {
	args := []string{"--exit-on-error", "--no-password", "--dbname=" + conninfo(name)}
	if !o.Owners {
		args = append(args, "--no-owner", "--no-privileges")
	}
	if o.SchemaOnly {
		args = append(args, "--schema-only")
	}
	if o.WithoutReplication {
		args = append(args, "--no-publications", "--no-subscriptions")
	}
	if role != "" {
		args = append(args, "--role="+role)
	}
	if o.File == "" {
		return args
	}
	if o.Jobs > 1 {
		args = append(args, "--jobs="+strconv.Itoa(o.Jobs))
	}
	return append(args, "--", o.File)
}

// empty refuses a database with anything of a user's in it.
func empty(ctx context.Context, conn *pgx.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var found string
	err := conn.QueryRow(ctx, `SELECT coalesce((SELECT string_agg(what, ', ') FROM (
		(SELECT format('%I.%I', n.nspname, c.relname) AS what FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 3)
		UNION ALL (SELECT 'schema ' || quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_'
			AND nspname NOT IN ('information_schema', 'public') ORDER BY 1 LIMIT 3)
		UNION ALL (SELECT 'function ' || p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = (SELECT oid
			FROM pg_namespace WHERE nspname = 'public') ORDER BY 1 LIMIT 3)
		UNION ALL (SELECT 'type ' || t.oid::regtype::text FROM pg_type t WHERE t.typtype IN ('d', 'e', 'r')
			AND t.typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'public') ORDER BY 1 LIMIT 3)
		UNION ALL (SELECT 'it is a template for new ones' FROM pg_database WHERE datname = current_database()
			AND datistemplate)
		UNION ALL (SELECT 'large object ' || oid FROM pg_largeobject_metadata LIMIT 1)) x), '')`).Scan(&found)
	if err != nil {
		return server.Classify(ctx, conn.PgConn(), "look whether "+name+" is empty", err)
	}
	if found != "" {
		return fmt.Errorf("database %s is not empty (%s): %w", name, found, database.ErrOccupied)
	}
	return nil
}

// Locale reads what the configured database was created with.
func Locale(ctx context.Context, conn *pgx.Conn) (database.Locale, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var l database.Locale
	err := conn.QueryRow(ctx, `SELECT pg_encoding_to_char(encoding), coalesce(j ->> 'datcollate', ''),
		coalesce(j ->> 'datctype', ''), coalesce(j ->> 'datlocprovider', 'c'),
		coalesce(j ->> 'datlocale', j ->> 'daticulocale', ''), coalesce(j ->> 'daticurules', '')
		FROM pg_database, to_jsonb(pg_database) j WHERE datname = current_database()`).
		Scan(&l.Encoding, &l.Collate, &l.Type, &l.Provider, &l.Name, &l.Rules)
	return l, server.Classify(ctx, conn.PgConn(), "read the database's locale", err)
}

func localeSQL(l database.Locale) string {
	sql := " ENCODING " + server.Literal(l.Encoding)
	if l.Collate != "" {
		sql += " LC_COLLATE " + server.Literal(l.Collate) + " LC_CTYPE " + server.Literal(l.Type)
	}
	switch l.Provider {
	case "i":
		sql += " LOCALE_PROVIDER icu ICU_LOCALE " + server.Literal(l.Name)
		if l.Rules != "" {
			sql += " ICU_RULES " + server.Literal(l.Rules)
		}
	case "b":
		sql += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + server.Literal(l.Name)
	}
	return sql
}

// checkDatabaseName refuses what the server would cut or could not hold.
func checkDatabaseName(name string) error {
	if name == "" || len(name) > 63 || strings.ContainsAny(name, "\x00\r\n") {
		return fmt.Errorf("%q is not a name for a database (1 to 63 bytes)", name)
	}
	return nil
}

// conninfo names a database to a program that would take a plain name for a whole connection string when it contains
// "=".
func conninfo(name string) string {
	return "dbname='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "'"
}

// Compare counts the objects and the rows of a database and gives what differs from what was dumped.
func (a *Archive) Compare(ctx context.Context, name string, dump database.Dump) error {
	return a.server.In(name).With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := server.Run(ctx, conn, "count in "+name, "SET statement_timeout = 0; BEGIN ISOLATION LEVEL "+
			"REPEATABLE READ READ ONLY"); err != nil {
			return err
		}
		rows, err := countRows(ctx, conn)
		if err != nil {
			return err
		}
		objects, err := contents(ctx, conn)
		if err != nil {
			return err
		}
		found := make(map[string]int64, len(rows))
		for table, n := range rows {
			key, ok := tableKey(table)
			if !ok {
				return fmt.Errorf("count in %s: %q is not the name of a table", name, table)
			}
			found[key] = n
		}
		return compare(dump, found, objects)
	})
}
