package applier

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqltext"
)

// exec sends one statement by the simple protocol, exactly as it stands, and throws its rows away one by one. The
// server counts the statements too: were it to find another number than the plan has, this is an error.
func (a *Applier) exec(ctx context.Context, conn *pgx.Conn, q apply.Query) error {
	if !q.Undivided && copiesIn(q.SQL) {
		return fmt.Errorf("%w: COPY FROM stdin needs rows, which are not sent", apply.ErrStatement)
	}
	watch := a.watch(ctx, conn.PgConn().PID(), q)
	results := conn.PgConn().Exec(ctx, q.SQL)
	executed, escaped := 0, false
	for results.NextResult() {
		executed++
		rows := results.ResultReader()
		for rows.NextRow() {
		}
		tag, _ := rows.Close()
		escaped = escaped || endsTransaction(tag.String())
	}
	err := results.Close()
	blockers := watch()
	if escaped {
		return afterEscape(server.Classify(ctx, conn.PgConn(), "run", err))
	}
	if err == nil && executed != 1 && !q.Undivided {
		return fmt.Errorf("%w: the server executed %d statements where the plan has one", apply.ErrStatement, executed)
	}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return server.WithBlockers(said, blockers)
	}
	return server.Classify(ctx, conn.PgConn(), "run", err)
}

// endsTransaction reads what the server calls a statement that it has carried out.
func endsTransaction(tag string) bool {
	switch tag {
	case "COMMIT", "ROLLBACK", "PREPARE TRANSACTION", "COMMIT PREPARED", "ROLLBACK PREPARED":
		return true
	}
	return false
}

func afterEscape(err error) error {
	if err == nil {
		return apply.ErrEscaped
	}
	return fmt.Errorf("%w: %w", apply.ErrEscaped, err)
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
