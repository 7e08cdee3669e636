package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/sqltext"
)

// exec sends one statement by the simple protocol, exactly as it stands, and throws its rows away one by one.
func (d *Database) exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	if copiesIn(sql) {
		return fmt.Errorf("%w: COPY FROM stdin needs rows, which are not sent", apply.ErrStatement)
	}
	watch := d.watchBlockers(ctx, conn)
	results := conn.PgConn().Exec(ctx, sql)
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
		}
		_, _ = rows.Close()
	}
	err := classify(ctx, conn.PgConn(), "run", results.Close())
	blockers := watch()
	if err == nil {
		return nil
	}
	return blame(err, blockers)
}

// copiesIn finds a statement that would make the server wait for rows for ever.
func copiesIn(sql string) bool {
	lower := strings.ToLower(sql)
	if !strings.Contains(lower, "copy") || !strings.Contains(lower, "stdin") {
		return false
	}
	script, _ := sqltext.Parse([]byte(sql + ";\n\\.\n"))
	for _, st := range script.Statements {
		if st.CopyData != nil {
			return true
		}
	}
	return false
}

// blame adds who was in the way to an error that says that a lock was not had.
func blame(err error, blockers []string) error {
	var s *ServerError
	if errors.As(err, &s) && s.Code == codeLockTimeout {
		s.Blockers = blockers
	}
	return err
}
