package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/sqlreview"
)

// names reads what statements may refer to besides relations and functions. Everybody may look at it.
func (r *reader) names(ctx context.Context) error {
	n := &sqlreview.Names{BaseTypes: []sqlreview.Ref{}, Available: []string{}, Roles: []string{}}
	r.catalog.Names = n
	err := r.refs(ctx, "base types", `SELECT n.nspname, t.typname FROM pg_type t
		JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE t.typtype IN ('b', 'm', 'p') AND t.typname !~ '^_' AND`+countedSchemas+
		`ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`, &n.BaseTypes)
	if err != nil {
		return err
	}
	if err := r.strings(ctx, "available extensions", `SELECT name::text FROM pg_available_extensions
		ORDER BY name COLLATE "C"`, &n.Available); err != nil {
		return err
	}
	return r.strings(ctx, "roles", `SELECT rolname::text FROM pg_roles WHERE rolname !~ '^pg_'
		ORDER BY rolname COLLATE "C"`, &n.Roles)
}

func (r *reader) strings(ctx context.Context, what, sql string, into *[]string) error {
	return r.each(ctx, what, sql, func(rows pgx.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		*into = append(*into, name)
		return nil
	})
}
