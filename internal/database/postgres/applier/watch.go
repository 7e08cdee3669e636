package applier

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
)

// watchPause lies between two looks at a statement that takes its time.
const watchPause = time.Second

// watch looks after a statement, on a connection of its own, once it has run for a quarter of lock_timeout: who is in
// the way, and how far it is. The function that it gives ends the watch and names who was in the way last. A short
// statement costs no connection.
func (a *Applier) watch(ctx context.Context, pid uint32, q apply.Query) func() []string {
	ctx, cancel := context.WithCancel(ctx)
	var names []string
	done := make(chan struct{})
	timer := time.AfterFunc(a.server.Config.LockTimeout/4, func() {
		defer close(done)
		_ = a.server.WithLogin(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			return follow(ctx, conn, pid, q.Progress, &names)
		})
	})
	return func() []string {
		cancel()
		if timer.Stop() {
			return nil
		}
		<-done
		return names
	}
}

// follow looks until ctx ends, and tells what is new.
func follow(ctx context.Context, conn *pgx.Conn, pid uint32, heard func(string), names *[]string) error {
	last := ""
	for {
		blockers, err := server.Blockers(ctx, conn, pid)
		if err != nil {
			return err
		}
		text, who := "", ""
		if len(blockers) > 0 {
			*names = (*names)[:0]
			for _, b := range blockers {
				*names = append(*names, b.String())
				who += fmt.Sprintf("%d ", b.PID)
			}
			text = "waits for " + strings.Join(*names, "; ")
		} else if text, err = progress(ctx, conn, pid); err != nil {
			return err
		} else {
			who = text
		}
		if heard != nil && text != "" && who != last { // the age of a blocker's transaction is no news
			heard(text)
			last = who
		}
		if err := server.Sleep(ctx, watchPause); err != nil {
			return err
		}
	}
}

// progressSQL asks all views in which the server tells how far a command is; each row is phase, done and total, in
// blocks or what the phase counts.
const progressSQL = server.Tag + `SELECT phase, CASE WHEN phase LIKE 'waiting%' THEN lockers_done WHEN blocks_total > 0
	THEN blocks_done ELSE tuples_done END,
		CASE WHEN phase LIKE 'waiting%' THEN lockers_total WHEN blocks_total > 0 THEN blocks_total
		ELSE tuples_total END,
		CASE WHEN phase LIKE 'waiting%' THEN 'transactions' WHEN blocks_total > 0 THEN 'blocks' ELSE 'rows' END
	FROM pg_stat_progress_create_index WHERE pid = $1
	UNION ALL SELECT phase, CASE WHEN phase LIKE 'vacuuming heap%' THEN heap_blks_vacuumed
		ELSE heap_blks_scanned END, heap_blks_total, 'blocks'
	FROM pg_stat_progress_vacuum WHERE pid = $1
	UNION ALL SELECT phase, heap_blks_scanned, heap_blks_total, 'blocks' FROM pg_stat_progress_cluster WHERE pid = $1
	UNION ALL SELECT phase, sample_blks_scanned, sample_blks_total, 'blocks' FROM pg_stat_progress_analyze
		WHERE pid = $1
	LIMIT 1`

// progress says how far the command of a session is, or "" where the server does not tell.
func progress(ctx context.Context, conn *pgx.Conn, pid uint32) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, progressSQL, int32(pid))
	if err != nil {
		return "", err
	}
	text := ""
	var phase, noun string
	var done, total int64
	_, err = pgx.ForEachRow(rows, []any{&phase, &done, &total, &noun}, func() error {
		text = phase
		if total > 0 {
			text += fmt.Sprintf(", %d %% of %d %s", 100*min(done, total)/total, total, noun)
		}
		return nil
	})
	return text, err
}
