package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// fill makes about gb gigabytes on disk: half of it rows of numbers and padding, as pgbench has them, half of it texts
// and documents with an index each.
func fill(ctx context.Context, url string, gb int) (int64, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	for _, sql := range []string{
		fmt.Sprintf(`CREATE UNLOGGED TABLE accounts AS `+
			`SELECT n AS aid, n %% 100 AS bid, (n::bigint * 7919) %% 100000 AS abalance, repeat(' ', 84) AS filler `+
			`FROM generate_series(1, %d) n`, gb*3_600_000),
		`ALTER TABLE accounts ADD PRIMARY KEY (aid)`,
		fmt.Sprintf(`CREATE UNLOGGED TABLE notes AS SELECT n AS id,
			md5(n::text) || ' ' || md5((n::bigint * 3)::text) || repeat(' lorem ipsum dolor', 6 + n %% 7) AS body,
			jsonb_build_object('order', n, 'state', (ARRAY['new', 'paid', 'sent'])[1 + n %% 3],
				'tags', jsonb_build_array(md5((n %% 5000)::text), 'x'), 'at', now()) AS doc
			FROM generate_series(1, %d) n`, gb*800_000),
		`CREATE INDEX ON notes USING gin (doc)`, `VACUUM ANALYZE`, `CHECKPOINT`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return 0, fmt.Errorf("%.40s: %w", sql, err)
		}
	}
	var size int64
	err = conn.QueryRow(ctx, "SELECT pg_database_size('bench')").Scan(&size)
	return size, err
}
