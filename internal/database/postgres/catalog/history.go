package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/sqlreview"
)

// maxApplied bounds the names of one history table.
const maxApplied = 100_000

// historyColumn names the column in which a migration tool records names that its scripts ask for again: EF Core's,
// whatever its table is called and however its columns are spelled. Others keep what they keep: their scripts do not
// read it.
func historyColumn(t sqlreview.Table) (string, bool) {
	switch {
	case hasColumn(t, "MigrationId") && hasColumn(t, "ProductVersion"):
		return "MigrationId", true
	case hasColumn(t, "migration_id") && hasColumn(t, "product_version"):
		return "migration_id", true
	}
	return "", false
}

// histories reads them where the role may; a history that may not be read is no history, so nothing is passed over.
func (r *reader) histories(ctx context.Context) error {
	for _, t := range r.catalog.Tables {
		column, ok := historyColumn(t)
		if !ok || t.Kind != sqlreview.KindTable {
			continue
		}
		table := pgx.Identifier{t.Schema, t.Name}.Sanitize()
		var readable bool
		err := r.tx.QueryRow(ctx, "SELECT has_schema_privilege($1, 'USAGE') AND has_table_privilege($2, 'SELECT')",
			t.Schema, table).Scan(&readable)
		if err != nil {
			return fmt.Errorf("histories: %w", err)
		}
		if !readable {
			continue
		}
		h := sqlreview.History{Schema: t.Schema, Table: t.Name, Applied: []string{}}
		key := pgx.Identifier{column}.Sanitize()
		err = r.each(ctx, "histories", fmt.Sprintf(`SELECT %s::text FROM %s ORDER BY %s::text COLLATE "C" LIMIT %d`,
			key, table, key, maxApplied), func(rows pgx.Rows) error {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			h.Applied = append(h.Applied, name)
			return nil
		})
		if err != nil {
			return err
		}
		r.catalog.Histories = append(r.catalog.Histories, h)
	}
	return nil
}

func hasColumn(t sqlreview.Table, name string) bool {
	for _, c := range t.Columns {
		if c.Name == name {
			return true
		}
	}
	return false
}
