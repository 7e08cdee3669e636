package preflight

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqlneeds"
)

// rights is what the catalog says that the role may do with what a script names.
type rights struct {
	// name is the database's, first the first schema of the search path
	role, name, first                           string
	super, database, createRole, createDatabase bool
	schemas                                     map[string]schemaRights
	relations                                   map[[2]string]relationRights
	types                                       map[[2]string]typeRights
	extensions                                  map[string]extensionRights
	roles                                       map[string]bool // whether it is a member
}

type schemaRights struct{ create bool }

type relationRights struct {
	schema, shown, owner              string
	usage, owns, ownsSchema, maintain bool
	may                               map[sqlneeds.Privilege]bool
}

type typeRights struct {
	shown, owner string
	owns, usage  bool
}

type extensionRights struct{ installed, super, trusted bool }

// readRights asks for everything at once. It needs no right but to log in.
func readRights(ctx context.Context, conn *pgx.Conn, needs []sqlneeds.Need) (*rights, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	w := &rights{schemas: map[string]schemaRights{}, relations: map[[2]string]relationRights{},
		types: map[[2]string]typeRights{}, extensions: map[string]extensionRights{}, roles: map[string]bool{}}
	err := conn.QueryRow(ctx, `SELECT current_user::text, current_database()::text,
		coalesce(current_schema()::text, ''), r.rolsuper, r.rolcreaterole, r.rolcreatedb,
		has_database_privilege(current_database(), 'CREATE') FROM pg_roles r WHERE r.rolname = current_user`).
		Scan(&w.role, &w.name, &w.first, &w.super, &w.createRole, &w.createDatabase, &w.database)
	if err == nil && !w.super {
		for _, read := range []func(context.Context, *pgx.Conn, []sqlneeds.Need) error{w.readSchemas, w.readRelations,
			w.readTypes, w.readExtensions, w.readRoles} {
			if err = read(ctx, conn, needs); err != nil {
				break
			}
		}
	}
	return w, server.Classify(ctx, conn.PgConn(), "look at the role's rights", err)
}

// namesIn gives the qualified names among needs that have one of these rights, each once.
func namesIn(needs []sqlneeds.Need, among func(sqlneeds.Privilege) bool) (schemas, names []string) {
	seen := map[[2]string]bool{}
	for _, n := range needs {
		if among(n.Privilege) && !seen[n.Key()] {
			seen[n.Key()] = true
			schemas, names = append(schemas, n.Schema), append(names, n.Name)
		}
	}
	return schemas, names
}

func (w *rights) readSchemas(ctx context.Context, conn *pgx.Conn, _ []sqlneeds.Need) error {
	rows, err := conn.Query(ctx, `SELECT nspname::text, has_schema_privilege(oid, 'CREATE') FROM pg_namespace
		LIMIT 100000`)
	if err != nil {
		return err
	}
	var name string
	var create bool
	_, err = pgx.ForEachRow(rows, []any{&name, &create}, func() error {
		w.schemas[name] = schemaRights{create}
		return nil
	})
	return err
}

func ofRelation(k sqlneeds.Privilege) bool {
	switch k {
	case sqlneeds.CreateInSchema, sqlneeds.CreateInDatabase, sqlneeds.Extension, sqlneeds.UseType, sqlneeds.TypeOwner,
		sqlneeds.Membership, sqlneeds.CreateRole, sqlneeds.CreateDatabase:
		return false
	}
	return true
}

// onPath finds what a name means, as the server would: an unqualified one by the search path.
const onPath = ` AND (q.s <> '' AND n.nspname = q.s OR q.s = '' AND n.nspname = ANY (current_schemas(true)))
	ORDER BY array_position(current_schemas(true), n.nspname) LIMIT 1`

func (w *rights) readRelations(ctx context.Context, conn *pgx.Conn, needs []sqlneeds.Need) error {
	schemas, names := namesIn(needs, ofRelation)
	if len(names) == 0 {
		return nil
	}
	maintain := "false"
	if server.Version(conn) >= 170000 {
		maintain = "has_table_privilege(x.oid, 'MAINTAIN')"
	}
	rows, err := conn.Query(ctx, `SELECT q.s, q.r, x.nspname::text, format('%I.%I', x.nspname, x.relname),
		pg_get_userbyid(x.relowner)::text,
		has_schema_privilege(x.nsp, 'USAGE'), pg_has_role(x.relowner, 'USAGE'), pg_has_role(x.nspowner, 'USAGE'),
		`+maintain+`,
		has_any_column_privilege(x.oid, 'SELECT'), has_any_column_privilege(x.oid, 'INSERT'),
		has_any_column_privilege(x.oid, 'UPDATE'), has_table_privilege(x.oid, 'DELETE'),
		has_table_privilege(x.oid, 'TRUNCATE'), has_any_column_privilege(x.oid, 'REFERENCES'),
		has_table_privilege(x.oid, 'TRIGGER')
		FROM unnest($1::text[], $2::text[]) q(s, r) JOIN LATERAL (SELECT c.oid, c.relname, c.relowner, n.oid AS nsp,
			n.nspname, n.nspowner
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = q.r`+onPath+`) x ON true`,
		schemas, names)
	if err != nil {
		return err
	}
	for rows.Next() {
		var key [2]string
		var r relationRights
		var sel, ins, upd, del, tru, ref, tri bool
		if err := rows.Scan(&key[0], &key[1], &r.schema, &r.shown, &r.owner, &r.usage, &r.owns, &r.ownsSchema,
			&r.maintain, &sel, &ins, &upd, &del, &tru, &ref, &tri); err != nil {
			rows.Close()
			return err
		}
		r.may = map[sqlneeds.Privilege]bool{sqlneeds.Select: sel, sqlneeds.Insert: ins, sqlneeds.Update: upd,
			sqlneeds.Delete: del, sqlneeds.Truncate: tru, sqlneeds.References: ref, sqlneeds.Trigger: tri}
		w.relations[key] = r
	}
	return rows.Err()
}

func (w *rights) readTypes(ctx context.Context, conn *pgx.Conn, needs []sqlneeds.Need) error {
	schemas, names := namesIn(needs, func(k sqlneeds.Privilege) bool {
		return k == sqlneeds.UseType || k == sqlneeds.TypeOwner
	})
	if len(names) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, `SELECT q.s, q.r, format('%I.%I', x.nspname, x.typname),
		pg_get_userbyid(x.typowner)::text, pg_has_role(x.typowner, 'USAGE'), has_type_privilege(x.oid, 'USAGE')
		FROM unnest($1::text[], $2::text[]) q(s, r) JOIN LATERAL (SELECT t.oid, t.typname, t.typowner, n.nspname
			FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typname = q.r`+onPath+`) x ON true`,
		schemas, names)
	if err != nil {
		return err
	}
	for rows.Next() {
		var key [2]string
		var t typeRights
		if err := rows.Scan(&key[0], &key[1], &t.shown, &t.owner, &t.owns, &t.usage); err != nil {
			rows.Close()
			return err
		}
		w.types[key] = t
	}
	return rows.Err()
}

func (w *rights) readExtensions(ctx context.Context, conn *pgx.Conn, needs []sqlneeds.Need) error {
	_, names := namesIn(needs, func(k sqlneeds.Privilege) bool { return k == sqlneeds.Extension })
	if len(names) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, `SELECT v.name::text, e.oid IS NOT NULL, bool_and(v.superuser), bool_or(v.trusted)
		FROM pg_available_extension_versions v
		LEFT JOIN pg_extension e ON e.extname = v.name WHERE v.name = ANY ($1) GROUP BY 1, 2`, names)
	if err != nil {
		return err
	}
	var name string
	var e extensionRights
	_, err = pgx.ForEachRow(rows, []any{&name, &e.installed, &e.super, &e.trusted},
		func() error { w.extensions[name] = e; return nil })
	return err
}

func (w *rights) readRoles(ctx context.Context, conn *pgx.Conn, needs []sqlneeds.Need) error {
	_, names := namesIn(needs, func(k sqlneeds.Privilege) bool { return k == sqlneeds.Membership })
	if len(names) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, `SELECT rolname::text, pg_has_role(oid, 'MEMBER') FROM pg_roles
		WHERE rolname = ANY ($1)`, names)
	if err != nil {
		return err
	}
	var name string
	var member bool
	_, err = pgx.ForEachRow(rows, []any{&name, &member}, func() error { w.roles[name] = member; return nil })
	return err
}
