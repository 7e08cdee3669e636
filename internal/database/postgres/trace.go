package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// ScratchMark is the comment that a database must carry before anything is tried in it: COMMENT ON DATABASE x IS 'fairlead scratch'.
const ScratchMark = "fairlead scratch"

// ErrNotScratch means that a database does not say that it may be spoilt.
var ErrNotScratch = errors.New("the database is not marked as scratch")

// Trace applies a script to a scratch database, unit by unit and for good, and observes what each statement does: locks, new files of
// relations, scans, index builds, errors. Then it runs the script a second time. It refuses a database without the scratch mark
// (ErrNotScratch). A statement that fails is an observation and ends its run; errors are about the connection.
func (d *Database) Trace(ctx context.Context, s sqltext.Script) (sqlreview.Trace, error) {
	return d.trace(ctx, s, true)
}

func (d *Database) trace(ctx context.Context, s sqltext.Script, twice bool) (sqlreview.Trace, error) {
	var trace sqlreview.Trace
	t, err := d.tracer(ctx)
	if err != nil {
		return trace, err
	}
	defer t.close(ctx)
	if err := t.scratch(ctx); err != nil {
		return trace, err
	}
	trace.ServerVersion = version(t.conn)
	trace.Statements, err = t.apply(ctx, s)
	if err != nil || !twice {
		return trace, err
	}
	trace.Again = &sqlreview.Again{}
	if n := len(trace.Statements); n > 0 && trace.Statements[n-1].Claims.Fails != "" {
		trace.Again.Line, trace.Again.Fails = trace.Statements[n-1].Line, "the first run did not come to its end"
		return trace, nil
	}
	second, err := d.tracer(ctx) // a new session, as a second run has
	if err != nil {
		return trace, err
	}
	defer second.close(ctx)
	again, err := second.apply(ctx, s)
	for _, o := range again {
		if o.Claims.Fails != "" {
			trace.Again.Line, trace.Again.Fails = o.Line, o.Claims.Fails
		}
	}
	return trace, err
}

// tracer is one session that works and one that watches it.
type tracer struct {
	conn, watch *pgx.Conn
	base        map[uint32]bool     // relations that were there before the script
	before      map[uint32]filenode // relations before the statement
}

func (d *Database) tracer(ctx context.Context) (*tracer, error) {
	t := &tracer{}
	c := d.base.Copy()
	c.OnNotice = nil
	conn, err := d.connectBy(ctx, c, d.config.Role)
	if err != nil {
		return nil, err
	}
	t.conn = conn
	if t.watch, err = d.connect(ctx); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	return t, nil
}

func (t *tracer) close(ctx context.Context) {
	hangUp(ctx, t.conn)
	hangUp(ctx, t.watch)
}

func (t *tracer) scratch(ctx context.Context) error {
	var comment string
	err := t.conn.QueryRow(ctx, "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()").Scan(&comment)
	if err != nil {
		return classify(ctx, t.conn.PgConn(), "read the mark of the database", err)
	}
	if !strings.Contains(comment, ScratchMark) {
		return fmt.Errorf("%w: its comment does not say %q", ErrNotScratch, ScratchMark)
	}
	return nil
}

// apply runs all units. Its error is about the connection; a statement's error is in the last observation.
func (t *tracer) apply(ctx context.Context, s sqltext.Script) ([]sqlreview.Observed, error) {
	all, err := t.filenodes(ctx)
	if err != nil {
		return nil, err
	}
	t.before, t.base = all, map[uint32]bool{}
	for oid := range all {
		t.base[oid] = true
	}
	var out []sqlreview.Observed
	for _, u := range s.Units {
		seen, err := t.unit(ctx, s, u)
		out = append(out, seen...)
		if err != nil || len(seen) > 0 && seen[len(seen)-1].Claims.Fails != "" {
			return out, err
		}
	}
	return out, nil
}

func (t *tracer) unit(ctx context.Context, s sqltext.Script, u sqltext.Unit) ([]sqlreview.Observed, error) {
	if u.Kind == sqltext.Alone {
		o, err := t.lone(ctx, u.Statements[0])
		return []sqlreview.Observed{o}, err
	}
	if err := t.ask(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	var out []sqlreview.Observed
	for _, st := range u.Statements {
		o, err := t.together(ctx, s, st)
		if err != nil {
			return out, err
		}
		out = append(out, o)
		if o.Claims.Fails != "" {
			return out, t.ask(ctx, "ROLLBACK")
		}
	}
	if _, err := t.conn.PgConn().Exec(ctx, "COMMIT").ReadAll(); err != nil { // deferred constraints speak here
		fails, lost := serverSays(err)
		if lost != nil {
			return out, lost
		}
		out[len(out)-1].Claims.Fails = fails
	}
	return out, nil
}

func (t *tracer) ask(ctx context.Context, sql string) error {
	_, err := t.conn.PgConn().Exec(ctx, sql).ReadAll()
	return classify(ctx, t.conn.PgConn(), sql, err)
}

// serverSays tells a statement's own error from a lost connection.
func serverSays(err error) (string, error) {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &pg) && pg.SeverityUnlocalized != "FATAL" && pg.SeverityUnlocalized != "PANIC":
		return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code), nil
	}
	return "", fmt.Errorf("trace: %w", err)
}
