package applier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
)

const endPause = 50 * time.Millisecond

// Fate asks what became of an attempt's transaction, or whether the backend of an attempt without one still lives.
func (a *Applier) Fate(ctx context.Context, at apply.Attempt) (apply.Fate, error) {
	var fate apply.Fate
	err := a.server.WithLogin(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		if at.XID == "" {
			fate, err = fateOfBackend(ctx, conn, at)
			return err
		}
		fate, err = fateOfTransaction(ctx, conn, at.XID)
		return err
	})
	return fate, err
}

func fateOfTransaction(ctx context.Context, conn *pgx.Conn, xid string) (apply.Fate, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var status *string
	err := conn.QueryRow(ctx, "SELECT pg_xact_status($1::text::xid8)", xid).Scan(&status)
	if server.Code(err) == server.CodeInvalidParameter {
		// "is in the future": the server came back from a crash before it had written anything of it
		return apply.Aborted, nil
	}
	if err != nil {
		return 0, server.Classify(ctx, conn.PgConn(), "ask for transaction "+xid, err)
	}
	if status == nil {
		return apply.Forgotten, nil
	}
	switch *status {
	case "committed":
		return apply.Committed, nil
	case "aborted":
		return apply.Aborted, nil
	case "in progress":
		return apply.InProgress, nil
	}
	return 0, fmt.Errorf("ask for transaction %s: the server says %q", xid, *status)
}

func fateOfBackend(ctx context.Context, conn *pgx.Conn, a apply.Attempt) (apply.Fate, error) {
	alive, err := lives(ctx, conn, a)
	if err != nil || !alive {
		return apply.Forgotten, err
	}
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var idle bool
	err = conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2 AND "+
		"state = 'idle'", a.PID, a.Started).Scan(&idle)
	if err != nil {
		return 0, server.Classify(ctx, conn.PgConn(), "look at the old session", err)
	}
	if idle {
		return apply.Idle, nil
	}
	return apply.InProgress, nil
}

// lives tells whether exactly this backend is still there.
func lives(ctx context.Context, conn *pgx.Conn, a apply.Attempt) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	var started *time.Time
	err := conn.QueryRow(ctx, "SELECT backend_start FROM pg_stat_activity WHERE pid = $1", a.PID).Scan(&started)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, server.Classify(ctx, conn.PgConn(), "look for the old session", err)
	}
	if started == nil {
		return false, fmt.Errorf("look for the old session: pid %d belongs to another role and its start is hidden "+
			"(grant pg_read_all_stats)", a.PID)
	}
	return started.Equal(a.Started), nil
}

// End terminates exactly that backend and waits until it is gone.
func (a *Applier) End(ctx context.Context, at apply.Attempt) error {
	return a.server.WithLogin(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
		defer cancel()
		if _, err := conn.Exec(ctx, terminateSQL, at.PID, at.Started); err != nil {
			return server.Classify(ctx, conn.PgConn(), fmt.Sprintf("end the old session (pid %d)", at.PID), err)
		}
		for {
			alive, err := lives(ctx, conn, at)
			if err != nil || !alive {
				return err
			}
			if err := server.Sleep(ctx, endPause); err != nil {
				return fmt.Errorf("end the old session: pid %d is still there: %w", at.PID, err)
			}
		}
	})
}
