package applier

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqltext"
)

// Probe looks into the catalog for the effect of a statement that could be in no transaction. It changes nothing that
// stays. Names without a schema are looked up as the role's own search path has them.
func (a *Applier) Probe(ctx context.Context, s sqltext.Statement) (apply.Effect, string, error) {
	if s.Probe == nil {
		return apply.Other, "there is no way to ask the catalog about " + s.Kind, nil
	}
	var found apply.Effect
	var why string
	err := a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		found, why, err = probe(ctx, conn, s)
		return server.Classify(ctx, conn.PgConn(), "look into the catalog", err)
	})
	return found, why, err
}

func probe(ctx context.Context, conn *pgx.Conn, s sqltext.Statement) (apply.Effect, string, error) {
	p := *s.Probe
	switch p.What {
	case sqltext.IndexValid:
		return indexValid(ctx, conn, s)
	case sqltext.IndexGone:
		return indexGone(ctx, conn, p)
	case sqltext.IndexRebuilt:
		return indexRebuilt(ctx, conn, p)
	case sqltext.PartitionDetached:
		return partitionDetached(ctx, conn, p)
	case sqltext.DatabaseExists:
		return exists(ctx, conn, "database", p.Name, "SELECT count(*) FROM pg_database WHERE datname = $1", true)
	case sqltext.DatabaseGone:
		return exists(ctx, conn, "database", p.Name, "SELECT count(*) FROM pg_database WHERE datname = $1", false)
	case sqltext.TablespaceExists:
		return exists(ctx, conn, "tablespace", p.Name, "SELECT count(*) FROM pg_tablespace WHERE spcname = $1", true)
	case sqltext.TablespaceGone:
		return exists(ctx, conn, "tablespace", p.Name, "SELECT count(*) FROM pg_tablespace WHERE spcname = $1", false)
	case sqltext.Repeatable:
		return apply.NotDone, "running it again gives the same", nil
	}
	return apply.Other, fmt.Sprintf("the question %q is not known here", p.What), nil
}

func exists(ctx context.Context, conn *pgx.Conn, noun, name, sql string, wanted bool) (apply.Effect, string, error) {
	var n int
	if err := conn.QueryRow(ctx, sql, name).Scan(&n); err != nil {
		return 0, "", err
	}
	there := fmt.Sprintf("%s %s exists", noun, name)
	if n == 0 {
		there = fmt.Sprintf("%s %s does not exist", noun, name)
	}
	if wanted == (n > 0) {
		return apply.Done, there, nil
	}
	return apply.NotDone, there, nil
}

// index is one row of pg_index with what a probe asks of it.
type index struct {
	OID     uint32
	Name    string // qualified and quoted
	Table   uint32
	On      string
	Valid   bool
	Unique  bool
	Def     string // from USING on
	Builder int    // pid of the session that builds it now, 0 for none
}

const indexColumns = `SELECT c.oid, format('%I.%I', n.nspname, c.relname), i.indrelid, i.indrelid::regclass::text,
	i.indisvalid, i.indisunique,
	substr(pg_get_indexdef(c.oid), position(' USING ' IN pg_get_indexdef(c.oid))),
	coalesce((SELECT max(b.pid) FROM pg_stat_progress_create_index b WHERE b.index_relid = c.oid
	OR (b.relid = i.indrelid AND b.index_relid = 0)), 0)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indexrelid = c.oid `

func indexes(ctx context.Context, conn *pgx.Conn, rest string, args ...any) ([]index, error) {
	rows, err := conn.Query(ctx, indexColumns+rest, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (index, error) {
		var x index
		err := r.Scan(&x.OID, &x.Name, &x.Table, &x.On, &x.Valid, &x.Unique, &x.Def, &x.Builder)
		return x, err
	})
}

// relation resolves a name as the server would; 0 when there is none.
func relation(ctx context.Context, conn *pgx.Conn, schema, name string) (oid, namespace uint32, err error) {
	id := pgx.Identifier{name}
	if schema != "" {
		id = pgx.Identifier{schema, name}
	}
	err = conn.QueryRow(ctx, "SELECT oid, relnamespace FROM pg_class WHERE oid = to_regclass($1)",
		id.Sanitize()).Scan(&oid, &namespace)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, nil
	}
	return oid, namespace, err
}

// indexGone: no index of that name exists.
func indexGone(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) (apply.Effect, string, error) {
	oid, _, err := relation(ctx, conn, p.Schema, p.Name)
	if err != nil {
		return 0, "", err
	}
	if oid == 0 {
		return goneFromPath(ctx, conn, p)
	}
	all, err := indexes(ctx, conn, "WHERE c.oid = $1", oid)
	switch {
	case err != nil:
		return 0, "", err
	case len(all) == 0:
		return apply.Other, fmt.Sprintf("%s is something else than an index", p.Name), nil
	case !all[0].Valid:
		return apply.Halfway, fmt.Sprintf("index %s on %s is invalid", all[0].Name, all[0].On), nil
	}
	return apply.NotDone, fmt.Sprintf("index %s on %s exists", all[0].Name, all[0].On), nil
}

// goneFromPath does not trust a search path that may have been another one: an index of that name anywhere is a
// question for a person.
func goneFromPath(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) (apply.Effect, string, error) {
	if p.Schema == "" {
		all, err := indexes(ctx, conn, "WHERE c.relname = $1 LIMIT 1", p.Name)
		if err != nil {
			return 0, "", err
		}
		if len(all) > 0 {
			return apply.Other, fmt.Sprintf("%s is not on the search path, but %s exists", p.Name, all[0].Name), nil
		}
	}
	return apply.Done, fmt.Sprintf("index %s does not exist", p.Name), nil
}

// indexRebuilt cannot tell a rebuilt index from one that was not touched; running the statement again is harmless, so a
// valid one counts as not done.
func indexRebuilt(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) (apply.Effect, string, error) {
	left, err := rebuildLeftovers(ctx, conn, p)
	if err != nil {
		return 0, "", err
	}
	if len(left) > 0 {
		return apply.Halfway, fmt.Sprintf("index %s on %s is left over and invalid", left[0].Name, left[0].On), nil
	}
	return apply.NotDone, "nothing is left over; running it again is harmless", nil
}

func rebuildLeftovers(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) ([]index, error) {
	const invalid = `NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND NOT EXISTS
		(SELECT FROM pg_stat_progress_create_index b WHERE b.relid = i.indrelid) ORDER BY c.oid`
	switch p.Target {
	case "index", "table":
		oid, _, err := relation(ctx, conn, p.Schema, p.Name)
		if err != nil || oid == 0 {
			return nil, err
		}
		return indexes(ctx, conn, "WHERE (i.indrelid = $1 OR i.indrelid = (SELECT indrelid FROM pg_index WHERE "+
			"indexrelid = $1)) AND "+invalid, oid)
	case "schema":
		return indexes(ctx, conn, "WHERE n.nspname = $1 AND "+invalid, p.Name)
	}
	return indexes(ctx, conn, "WHERE n.nspname <> 'pg_toast' AND "+invalid)
}

// partitionDetached: Name is no partition of Table and no detach is pending.
func partitionDetached(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) (apply.Effect, string, error) {
	child, _, err := relation(ctx, conn, p.Schema, p.Name)
	if err != nil {
		return 0, "", err
	}
	parent, _, err := relation(ctx, conn, p.TableSchema, p.Table)
	if err != nil {
		return 0, "", err
	}
	if child == 0 || parent == 0 {
		return apply.Other, fmt.Sprintf("%s or %s does not exist", p.Name, p.Table), nil
	}
	var pending bool
	column := "inhdetachpending"
	if server.Version(conn) < 140000 {
		column = "false" // nothing can be detached concurrently there
	}
	err = conn.QueryRow(ctx, "SELECT "+column+" FROM pg_inherits WHERE inhrelid = $1 AND inhparent = $2", child,
		parent).Scan(&pending)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return apply.Done, fmt.Sprintf("%s is no partition of %s", p.Name, p.Table), nil
	case err != nil:
		return 0, "", err
	case pending:
		return apply.Halfway, fmt.Sprintf("the detaching of %s from %s is pending", p.Name, p.Table), nil
	}
	return apply.NotDone, fmt.Sprintf("%s is a partition of %s", p.Name, p.Table), nil
}
