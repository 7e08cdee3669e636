package applier

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqltext"
)

// Remedy gives the statements that remove what Probe called Halfway: an invalid index is dropped, concurrently, if it
// is on the statement's table; a pending detach is finished. It looks again first and gives an error when something
// else is found.
func (a *Applier) Remedy(ctx context.Context, s sqltext.Statement) ([]string, error) {
	found, why, err := a.Probe(ctx, s)
	if err != nil {
		return nil, err
	}
	if found != apply.Halfway {
		return nil, fmt.Errorf("remedy for what line %d left: there is nothing to remove: %s", s.Line, why)
	}
	var sql []string
	err = a.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		sql, err = repairs(ctx, conn, *s.Probe)
		if err != nil {
			return server.Classify(ctx, conn.PgConn(), "find what was left", err)
		}
		return nil
	})
	return sql, err
}

func repairs(ctx context.Context, conn *pgx.Conn, p sqltext.Probe) ([]string, error) {
	switch p.What {
	case sqltext.IndexValid:
		table, namespace, err := relation(ctx, conn, p.TableSchema, p.Table)
		if err != nil {
			return nil, err
		}
		return drops(indexes(ctx, conn, "WHERE NOT i.indisvalid AND c.relname = $1 AND c.relnamespace = $2 AND "+
			"i.indrelid = $3", p.Name, namespace, table))
	case sqltext.IndexGone:
		oid, _, err := relation(ctx, conn, p.Schema, p.Name)
		if err != nil {
			return nil, err
		}
		return drops(indexes(ctx, conn, "WHERE NOT i.indisvalid AND c.oid = $1", oid))
	case sqltext.IndexRebuilt:
		return drops(rebuildLeftovers(ctx, conn, p))
	case sqltext.PartitionDetached:
		return []string{fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s FINALIZE", dotted(p.TableSchema, p.Table),
			dotted(p.Schema, p.Name))}, nil
	}
	return nil, nil
}

func drops(all []index, err error) ([]string, error) {
	var sql []string
	for _, x := range all {
		sql = append(sql, "DROP INDEX CONCURRENTLY "+x.Name)
	}
	return sql, err
}

func dotted(schema, name string) string {
	if schema == "" {
		return pgx.Identifier{name}.Sanitize()
	}
	return pgx.Identifier{schema, name}.Sanitize()
}
