package trace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

const (
	lookEvery = 2 * time.Millisecond
	pauseFor  = 2 * time.Second // how long a statement is kept waiting to be looked at
	maxPaused = 500             // tables that are locked to make it wait
)

// lone runs a statement that can be in no transaction. Such a statement lets go of its locks when it ends, so the
// watching session first holds a lock that lets it wait for its own, and looks at it while it waits and works.
func (t *tracer) lone(ctx context.Context, st sqltext.Statement) (sqlreview.Observed, error) {
	o := sqlreview.Observed{Statement: st.Index, Line: st.Line, Kind: st.Kind, Blind: true}
	var err error
	if t.before, err = t.filenodes(ctx); err != nil {
		return o, err
	}
	if err := t.hold(ctx); err != nil {
		return o, err
	}
	defer func() { _, _ = t.watch.Exec(context.WithoutCancel(ctx), "ROLLBACK") }()
	working, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := t.conn.PgConn().Exec(working, st.SQL).ReadAll()
		done <- err
		close(done)
	}()
	locks, err := t.observe(ctx, done, began)
	stop()
	for range done { // it has ended, or ends now
	}
	o.Milliseconds = time.Since(began).Milliseconds()
	fails, lost := serverSays(err)
	if lost != nil {
		return o, lost
	}
	if o.Claims.Fails = fails; fails != "" {
		return o, nil
	}
	o.Claims.Locks = locks
	after, err := t.filenodes(ctx)
	if err != nil {
		return o, err
	}
	t.changes(&o, after)
	return o, nil
}

// hold locks all tables in the watching session, in the weakest mode that every lock of interest collides with.
func (t *tracer) hold(ctx context.Context) error {
	var names []string
	for oid, f := range t.before {
		if t.base[oid] && strings.Contains("rp", f.kind) {
			names = append(names, "ONLY "+pgx.Identifier{f.schema, f.name}.Sanitize())
		}
	}
	slices.Sort(names)
	names = names[:min(len(names), maxPaused)]
	if len(names) == 0 {
		return nil
	}
	_, err := t.watch.PgConn().Exec(ctx, fmt.Sprintf("BEGIN; LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE",
		strings.Join(names, ", "))).ReadAll()
	return server.Classify(ctx, t.watch.PgConn(), "hold the tables", err)
}

// observe looks at the locks until the statement ends; it lets it go on once it waits.
func (t *tracer) observe(ctx context.Context, done <-chan error, began time.Time) ([]sqlreview.Lock, error) {
	var all []sqlreview.Lock
	holding := true
	for {
		select {
		case err := <-done:
			slices.SortFunc(all, func(a, b sqlreview.Lock) int {
				return strings.Compare(a.Relation+a.Mode, b.Relation+b.Mode)
			})
			return slices.Compact(all), err
		case <-time.After(lookEvery):
		}
		locks, err := t.locks(ctx, t.watch)
		if err != nil {
			return all, fmt.Errorf("trace: %w", err)
		}
		all = append(all, locks...)
		if holding && (t.waits(ctx) || time.Since(began) > pauseFor) {
			holding = false
			if _, err := t.watch.Exec(ctx, "ROLLBACK"); err != nil {
				return all, fmt.Errorf("trace: %w", err)
			}
		}
		if len(all) > 10_000 {
			slices.SortFunc(all, func(a, b sqlreview.Lock) int {
				return strings.Compare(a.Relation+a.Mode, b.Relation+b.Mode)
			})
			all = slices.Compact(all)
		}
	}
}

// waits says whether the statement waits for a lock, after having been looked at.
func (t *tracer) waits(ctx context.Context) bool {
	var waiting bool
	err := t.watch.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)",
		t.conn.PgConn().PID()).Scan(&waiting)
	return err == nil && waiting
}
