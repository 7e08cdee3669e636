package catalog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/migrator"
)

// imprintLimit bounds how long the taking of an imprint may last; with 100,000 tables it takes seconds.
const imprintLimit = 5 * time.Minute

// imprinted are the catalogs that are summed over, with what names a row of each. Every change of a row gives it
// another xmin. Temporary tables are nobody's schema.
func imprinted() [][3]string {
	const lasting = " WHERE NOT EXISTS (SELECT FROM pg_class t WHERE t.oid = x.%s AND t.relpersistence = 't')"
	by := func(catalog, row, relation string) [3]string {
		if relation == "" {
			return [3]string{catalog, row, ""}
		}
		return [3]string{catalog, row, fmt.Sprintf(lasting, relation)}
	}
	return [][3]string{
		{"pg_namespace", "x.oid", ` WHERE nspname !~ '^pg_(toast_)?temp_'`}, by("pg_class", "x.oid", "oid"),
		by("pg_attribute", "x.attrelid || '.' || x.attnum", "attrelid"), by("pg_attrdef", "x.oid", "adrelid"),
		by("pg_constraint", "x.oid", "conrelid"), by("pg_index", "x.indexrelid", "indrelid"),
		by("pg_trigger", "x.oid", "tgrelid"), by("pg_rewrite", "x.oid", "ev_class"),
		by("pg_policy", "x.oid", ""), by("pg_inherits", "x.inhrelid || '.' || x.inhparent", "inhrelid"),
		by("pg_partitioned_table", "x.partrelid", ""), by("pg_sequence", "x.seqrelid", "seqrelid"),
		by("pg_proc", "x.oid", ""), by("pg_enum", "x.oid", ""), by("pg_operator", "x.oid", ""),
		by("pg_cast", "x.oid", ""),
		by("pg_collation", "x.oid", ""), by("pg_extension", "x.oid", ""), by("pg_event_trigger", "x.oid", ""),
		by("pg_publication", "x.oid", ""), by("pg_statistic_ext", "x.oid", ""),
		by("pg_default_acl", "x.oid", ""), by("pg_foreign_server", "x.oid", ""), by("pg_foreign_table", "x.ftrelid",
			""), by("pg_description", "x.objoid || '.' || x.classoid || '.' || x.objsubid", ""),
		by("pg_largeobject_metadata", "x.oid", ""), by("pg_publication_rel", "x.oid", ""), by("pg_foreign_data_wrapper",
			"x.oid", ""), by("pg_language", "x.oid", ""),
		by("pg_ts_config", "x.oid", ""),
		by("pg_ts_config_map", "x.mapcfg || '.' || x.maptokentype || '.' || x.mapseqno", ""),
		by("pg_ts_dict", "x.oid", ""),
		by("pg_ts_parser", "x.oid", ""), by("pg_ts_template", "x.oid", ""), by("pg_am", "x.oid", ""),
		by("pg_opclass", "x.oid", ""), by("pg_opfamily", "x.oid", ""),
		by("pg_amop", "x.oid", ""), by("pg_amproc", "x.oid", ""), by("pg_aggregate", "x.aggfnoid::oid", ""),
		by("pg_conversion", "x.oid", ""), by("pg_transform", "x.oid", ""),
		by("pg_range", "x.rngtypid", ""), by("pg_seclabel", "x.objoid || '.' || x.classoid || '.' || x.objsubid || "+
			"'.' || x.provider", ""),
		{"pg_db_role_setting", "x.setdatabase || '.' || x.setrole",
			" WHERE x.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"},
		{"pg_type", "x.oid", " WHERE NOT EXISTS (SELECT FROM pg_class t WHERE t.oid = x.typrelid AND " +
			"t.relpersistence = 't') AND NOT EXISTS (SELECT FROM pg_type e JOIN pg_class t ON t.oid = e.typrelid " +
			"WHERE e.typarray = x.oid AND t.relpersistence = 't')"},
	}
}

// Imprint takes the imprint of the database, in one snapshot; see database.Imprint.
func (r *Reader) Imprint(ctx context.Context) (database.Imprint, error) {
	i := database.Imprint{Catalog: map[string]string{}, Written: map[string]int64{}, Histories: map[string][]string{}}
	err := r.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, imprintLimit)
		defer cancel()
		if err := figures(ctx, conn, &i, r.server.Config.Schema); err != nil {
			return server.Classify(ctx, conn.PgConn(), "take an imprint of the database", err)
		}
		return r.histories(ctx, conn, &i)
	})
	return i, err
}

// figures reads server, clock, the sums over the catalogs, and the rows written.
func figures(ctx context.Context, conn *pgx.Conn, i *database.Imprint, own string) error {
	begin := fmt.Sprintf("%sSET lock_timeout = '2s'; SET statement_timeout = %d; BEGIN ISOLATION LEVEL REPEATABLE "+
		"READ READ ONLY", server.Tag, imprintLimit.Milliseconds())
	if _, err := conn.PgConn().Exec(ctx, begin).ReadAll(); err != nil {
		return err
	}
	err := conn.QueryRow(ctx, server.Tag+"SELECT clock_timestamp(), "+server.IdentitySQL).Scan(&i.At, &i.System,
		&i.Timeline, &i.Database)
	if err != nil {
		return err
	}
	i.At = i.At.UTC()
	var parts []string
	catalogs := imprinted()
	if server.Version(conn) >= 150000 {
		catalogs = append(catalogs, [3]string{"pg_publication_namespace", "x.oid", ""})
	}
	for _, c := range catalogs {
		parts = append(parts, fmt.Sprintf("SELECT '%s', count(*) || ':' || coalesce(sum(hashtextextended((%s)::text "+
			"|| ':' || x.xmin::text, 0)::numeric), 0) FROM pg_catalog.%s x%s", c[0], c[1], c[0], c[2]))
	}
	rows, err := conn.Query(ctx, server.Tag+strings.Join(parts, " UNION ALL "))
	if err != nil {
		return err
	}
	var name, sum string
	_, err = pgx.ForEachRow(rows, []any{&name, &sum}, func() error { i.Catalog[name] = sum; return nil })
	if err != nil {
		return err
	}
	rows, err = conn.Query(ctx, server.Tag+`SELECT format('%I.%I', schemaname, relname), n_tup_ins + n_tup_upd +
		n_tup_del FROM pg_stat_user_tables
		WHERE schemaname <> $1 AND schemaname NOT LIKE 'pg\_temp%' AND n_tup_ins + n_tup_upd + n_tup_del > 0`, own)
	if err != nil {
		return err
	}
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { i.Written[name] = n; return nil })
	return err
}

// histories reads the entries of every migration tool that has its table here and lets it be read.
func (r *Reader) histories(ctx context.Context, conn *pgx.Conn, i *database.Imprint) error {
	for _, t := range migrator.Tools() {
		w := migrator.Want{Tool: t}
		schema, err := historySchema(ctx, conn, w)
		if err != nil {
			return err
		}
		if schema == "" {
			continue
		}
		shape := t.Shape()
		why, err := unreadable(ctx, conn, schema, shape)
		if err != nil {
			return err
		}
		if why != "" {
			continue
		}
		shape.Current = true // all rows
		rows, err := toolRows(ctx, conn, schema, shape, w)
		if err != nil {
			return err
		}
		entries := []string{}
		for _, r := range rows {
			e := r.Key
			if r.State != "applied" {
				e += " (" + r.State + ")"
			}
			entries = append(entries, e)
		}
		i.Histories[plainName(schema, shape.Table)] = entries
	}
	return nil
}

// OtherSessions lists the sessions of other clients in this database that were opened after a moment of the server's
// clock and are no fairlead's.
func (r *Reader) OtherSessions(ctx context.Context, since time.Time) ([]string, error) {
	var all []string
	err := r.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		rows, err := conn.Query(ctx, server.Tag+`SELECT format('pid %s, %s, %s', pid, usename,
			coalesce(nullif(application_name, ''), 'no name')) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
				AND backend_start >= $1
			AND application_name NOT LIKE 'fairlead/%' ORDER BY pid`, since)
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "look for sessions", err)
		}
		all, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return server.Classify(ctx, conn.PgConn(), "look for sessions", err)
	})
	return all, err
}
