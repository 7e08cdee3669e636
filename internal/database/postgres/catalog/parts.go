package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/sqlreview"
)

func (r *reader) columns(ctx context.Context) error {
	const sql = `SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef
		OR a.attidentity <> '', a.attidentity <> '', a.attgenerated <> ''
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND` + countedSchemas +
		`ORDER BY a.attrelid, a.attnum`
	return r.each(ctx, "columns", sql, func(rows pgx.Rows) error {
		var oid uint32
		var c sqlreview.Column
		if err := rows.Scan(&oid, &c.Name, &c.Type, &c.NotNull, &c.HasDefault, &c.Identity, &c.Generated); err != nil {
			return err
		}
		r.on(oid, func(t *sqlreview.Table) { t.Columns = append(t.Columns, c) })
		return nil
	}, r.without)
}

// names of the columns that an array of numbers stands for.
func columnNames(relation, numbers string) string {
	return `coalesce((SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(` + numbers +
		`) WITH ORDINALITY u(n, i) JOIN pg_attribute a ON a.attrelid = ` +
		relation + ` AND a.attnum = u.n), '{}')`
}

func (r *reader) checks(ctx context.Context) error {
	sql := `SELECT k.conrelid, k.conname, pg_get_expr(k.conbin, k.conrelid), k.convalidated, ` +
		columnNames("k.conrelid", "k.conkey") + `
	FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE k.contype = 'c'
		AND k.conrelid <> 0 AND` + countedSchemas + `ORDER BY k.conrelid, k.conname COLLATE "C"`
	return r.each(ctx, "check constraints", sql, func(rows pgx.Rows) error {
		var oid uint32
		var c sqlreview.Check
		if err := rows.Scan(&oid, &c.Name, &c.Expression, &c.Valid, &c.Columns); err != nil {
			return err
		}
		r.on(oid, func(t *sqlreview.Table) { t.Checks = append(t.Checks, c) })
		return nil
	}, r.without)
}

func (r *reader) indexes(ctx context.Context) error {
	const sql = `SELECT i.indrelid, x.relname, i.indisunique, i.indisvalid, i.indisprimary, i.indpred IS NOT NULL,
	EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')),
	coalesce((SELECT array_agg(coalesce(a.attname::text, '') ORDER BY u.i)
	FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(n, i)
		LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n AND u.n > 0
			WHERE u.i <= i.indnkeyatts), '{}'),
	coalesce((SELECT array_agg(DISTINCT a.attname::text COLLATE "C") FROM pg_depend d
	JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND d.classid = 'pg_class'::regclass
			AND d.objid = i.indexrelid
		AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
			AND NOT a.attnum = ANY (i.indkey::int2[])), '{}')
	FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
	WHERE` + countedSchemas + `ORDER BY i.indrelid, x.relname COLLATE "C"`
	return r.each(ctx, "indexes", sql, func(rows pgx.Rows) error {
		var oid uint32
		var i sqlreview.Index
		if err := rows.Scan(&oid, &i.Name, &i.Unique, &i.Valid, &i.Primary, &i.Partial, &i.Constraint, &i.Columns,
			&i.Depends); err != nil {
			return err
		}
		r.on(oid, func(t *sqlreview.Table) { t.Indexes = append(t.Indexes, i) })
		return nil
	}, r.without)
}

func (r *reader) foreignKeys(ctx context.Context) error {
	sql := `SELECT k.conrelid, k.conname, ` + columnNames("k.conrelid", "k.conkey") + `, tn.nspname, tc.relname, ` +
		columnNames("k.confrelid", "k.confkey") + `, k.convalidated
	FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace JOIN pg_class tc ON tc.oid = k.confrelid
		JOIN pg_namespace tn ON tn.oid = tc.relnamespace
	WHERE k.contype = 'f' AND` + countedSchemas + `ORDER BY k.conrelid, k.conname COLLATE "C"`
	return r.each(ctx, "foreign keys", sql, func(rows pgx.Rows) error {
		var oid uint32
		var k sqlreview.ForeignKey
		if err := rows.Scan(&oid, &k.Name, &k.Columns, &k.Target.Schema, &k.Target.Name, &k.References,
			&k.Valid); err != nil {
			return err
		}
		r.on(oid, func(t *sqlreview.Table) { t.ForeignKeys = append(t.ForeignKeys, k) })
		return nil
	}, r.without)
}

func (r *reader) triggers(ctx context.Context) error {
	const sql = `SELECT g.tgrelid, g.tgname, fn.nspname, f.proname, g.tgenabled <> 'D'
	FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_proc f ON f.oid = g.tgfoid
	JOIN pg_namespace fn ON fn.oid = f.pronamespace WHERE NOT g.tgisinternal AND` + countedSchemas +
		`ORDER BY g.tgrelid, g.tgname COLLATE "C"`
	return r.each(ctx, "triggers", sql, func(rows pgx.Rows) error {
		var oid uint32
		var g sqlreview.Trigger
		if err := rows.Scan(&oid, &g.Name, &g.Function.Schema, &g.Function.Name, &g.Enabled); err != nil {
			return err
		}
		r.on(oid, func(t *sqlreview.Table) { t.Triggers = append(t.Triggers, g) })
		return nil
	}, r.without)
}

func (r *reader) parents(ctx context.Context) error {
	r.parent = map[int][]int{}
	const sql = `SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'f') AND` + countedSchemas + `ORDER BY i.inhrelid, i.inhseqno`
	return r.each(ctx, "partitions", sql, func(rows pgx.Rows) error {
		var child, parent uint32
		if err := rows.Scan(&child, &parent); err != nil {
			return err
		}
		at, ok := r.place[parent]
		if !ok {
			return nil
		}
		p := r.catalog.Tables[at]
		r.on(child, func(t *sqlreview.Table) {
			t.Parents = append(t.Parents, sqlreview.Ref{Schema: p.Schema, Name: p.Name})
			r.parent[at] = append(r.parent[at], r.place[child])
		})
		return nil
	}, r.without)
}

// uses reads what views depend on, through their rewrite rules.
func (r *reader) uses(ctx context.Context) error {
	const sql = `SELECT DISTINCT w.ev_class, tn.nspname, tc.relname,
		coalesce(a.attname::text, ''), tn.nspname COLLATE "C", tc.relname COLLATE "C",
		coalesce(a.attname::text, '') COLLATE "C"
	FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
		AND d.refobjid <> w.ev_class
	JOIN pg_class tc ON tc.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = tc.relnamespace
	LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
	WHERE c.relkind IN ('v', 'm') AND` + countedSchemas + `ORDER BY 1, 5, 6, 7`
	return r.each(ctx, "views", sql, func(rows pgx.Rows) error {
		var oid uint32
		var u sqlreview.Use
		var a, b, c string
		if err := rows.Scan(&oid, &u.Schema, &u.Table, &u.Column, &a, &b, &c); err != nil {
			return err
		}
		r.on(oid, func(t *sqlreview.Table) { t.Uses = append(t.Uses, u) })
		return nil
	}, r.without)
}

func (r *reader) functions(ctx context.Context) error {
	const sql = `SELECT n.nspname, p.proname, max(p.provolatile::text) FROM pg_proc p
		JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE` + countedSchemas + `GROUP BY 1, 2 ORDER BY n.nspname COLLATE "C", p.proname COLLATE "C"`
	return r.each(ctx, "functions", sql, func(rows pgx.Rows) error {
		var f sqlreview.Function
		if err := rows.Scan(&f.Schema, &f.Name, &f.Volatility); err != nil {
			return err
		}
		r.catalog.Functions = append(r.catalog.Functions, f)
		return nil
	}, r.without)
}

func (r *reader) domains(ctx context.Context) error {
	const sql = `SELECT n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull OR EXISTS (SELECT
		FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'),
	coalesce((SELECT array_agg(k.conname::text ORDER BY k.conname COLLATE "C") FROM pg_constraint k
	WHERE k.contypid = t.oid AND k.contype = 'c'), '{}'),
	coalesce((SELECT array_agg(pg_get_expr(k.conbin, 0) ORDER BY k.conname COLLATE "C") FROM pg_constraint k
	WHERE k.contypid = t.oid AND k.contype = 'c'), '{}'),
	coalesce((SELECT array_agg(k.convalidated ORDER BY k.conname COLLATE "C") FROM pg_constraint k
	WHERE k.contypid = t.oid AND k.contype = 'c'), '{}')
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'd' AND` + countedSchemas +
		`ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`
	return r.each(ctx, "domains", sql, func(rows pgx.Rows) error {
		var d sqlreview.Domain
		var names, expressions []string
		var valid []bool
		if err := rows.Scan(&d.Schema, &d.Name, &d.Base, &d.Constrained, &names, &expressions, &valid); err != nil {
			return err
		}
		for i := range names {
			d.Checks = append(d.Checks, sqlreview.Check{Name: names[i], Expression: expressions[i], Valid: valid[i]})
		}
		r.catalog.Domains = append(r.catalog.Domains, d)
		return nil
	}, r.without)
}

func (r *reader) enums(ctx context.Context) error {
	const sql = `SELECT n.nspname, t.typname, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_type t
		JOIN pg_namespace n ON n.oid = t.typnamespace
	JOIN pg_enum e ON e.enumtypid = t.oid WHERE` + countedSchemas +
		`GROUP BY 1, 2 ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`
	return r.each(ctx, "enums", sql, func(rows pgx.Rows) error {
		var e sqlreview.Enum
		if err := rows.Scan(&e.Schema, &e.Name, &e.Labels); err != nil {
			return err
		}
		r.catalog.Enums = append(r.catalog.Enums, e)
		return nil
	}, r.without)
}

func (r *reader) extensions(ctx context.Context) error {
	return r.each(ctx, "extensions", `SELECT extname::text FROM pg_extension ORDER BY extname COLLATE "C"`,
		func(rows pgx.Rows) error {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			r.catalog.Extensions = append(r.catalog.Extensions, name)
			return nil
		})
}

func (r *reader) types(ctx context.Context) error {
	return r.refs(ctx, "types", `SELECT n.nspname, t.typname FROM pg_type t
		JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
	WHERE (t.typtype = 'r' OR t.typtype = 'c' AND c.relkind = 'c') AND`+countedSchemas+
		`ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`, &r.catalog.Types)
}

func (r *reader) sequences(ctx context.Context) error {
	return r.refs(ctx, "sequences", `SELECT n.nspname, c.relname FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'S' AND`+countedSchemas+`ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
		&r.catalog.Sequences)
}

func (r *reader) refs(ctx context.Context, what, sql string, into *[]sqlreview.Ref) error {
	return r.each(ctx, what, sql, func(rows pgx.Rows) error {
		var ref sqlreview.Ref
		if err := rows.Scan(&ref.Schema, &ref.Name); err != nil {
			return err
		}
		*into = append(*into, ref)
		return nil
	}, r.without)
}

func (r *reader) schemas(ctx context.Context) error {
	r.catalog.Hidden = []string{r.without}
	return r.each(ctx, "schemas", `SELECT n.nspname FROM pg_namespace n WHERE`+countedSchemas+
		`ORDER BY n.nspname COLLATE "C"`, func(rows pgx.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		r.catalog.Schemas = append(r.catalog.Schemas, name)
		return nil
	}, r.without)
}
