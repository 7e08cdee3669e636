// Package trace applies a script to a database that may be spoilt and observes what each statement does: locks, new
// files of relations, scans, index builds, errors. Start with Run.
package trace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// ScratchMark is the comment that a database must carry before anything is tried in it: COMMENT ON DATABASE x IS
// 'fairlead scratch'.
const ScratchMark = "fairlead scratch"

// ErrNotScratch means that a database does not say that it may be spoilt.
var ErrNotScratch = errors.New("the database is not marked as scratch")

// Options change how a script is traced. The zero value tries all of it.
type Options struct {
	From    int                         // the first unit; what is before it is in place
	Between func(context.Context) error // runs after the first run, without a session open; not after a failure
}

// Run applies a script to a scratch database, unit by unit and for good, and observes what each statement does: locks,
// new files of relations, scans, index builds, errors. Then it runs the script a second time. It refuses a database
// without the scratch mark (ErrNotScratch). A statement that fails is an observation and ends its run; errors are about
// the connection. It gives with the trace how long each unit of the first run took, its commit included.
func Run(ctx context.Context, d *server.Server, s sqltext.Script, o Options) (sqlreview.Trace, []database.UnitTook,
	error) {
	var out sqlreview.Trace
	t, err := newTracer(ctx, d)
	if err != nil {
		return out, nil, err
	}
	defer func() { t.close(ctx) }()
	if err := t.scratch(ctx); err != nil {
		return out, nil, err
	}
	t.from = o.From
	out.ServerVersion = server.Version(t.conn)
	out.Statements, err = t.apply(ctx, s)
	if err != nil {
		return out, t.took, err
	}
	out.Again = &sqlreview.Again{}
	if n := len(out.Statements); n > 0 && out.Statements[n-1].Claims.Fails != "" {
		out.Again.Line, out.Again.Fails = out.Statements[n-1].Line, "the first run did not come to its end"
		return out, t.took, nil
	}
	took := t.took
	t.close(ctx)
	if o.Between != nil {
		if err := o.Between(ctx); err != nil {
			return out, took, err
		}
	}
	if t, err = newTracer(ctx, d); err != nil { // a new session, as a second run has
		t = &tracer{}
		return out, took, err
	}
	t.from = o.From
	again, err := t.apply(ctx, s)
	for _, o := range again {
		if o.Claims.Fails != "" {
			out.Again.Line, out.Again.Fails = o.Line, o.Claims.Fails
		}
	}
	return out, took, err
}

// tracer is one session that works and one that watches it.
type tracer struct {
	conn, watch *pgx.Conn
	base        map[uint32]bool     // relations that were there before the script
	before      map[uint32]filenode // relations before the statement
	from        int                 // the first unit that is tried
	took        []database.UnitTook
	commit      time.Duration // of the unit
}

func newTracer(ctx context.Context, d *server.Server) (*tracer, error) {
	t := &tracer{}
	c := d.Base.Copy()
	c.OnNotice = nil
	conn, err := d.ConnectBy(ctx, c, d.Config.Role)
	if err != nil {
		return nil, err
	}
	t.conn = conn
	if t.watch, err = d.Connect(ctx); err != nil {
		server.Close(ctx, conn)
		return nil, err
	}
	return t, nil
}

// close may be called twice.
func (t *tracer) close(ctx context.Context) {
	for _, conn := range []*pgx.Conn{t.conn, t.watch} {
		if conn != nil {
			server.Close(ctx, conn)
		}
	}
}

func (t *tracer) scratch(ctx context.Context) error {
	var comment string
	err := t.conn.QueryRow(ctx, "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE "+
		"datname = current_database()").Scan(&comment)
	if err != nil {
		return server.Classify(ctx, t.conn.PgConn(), "read the mark of the database", err)
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
	if err := t.restore(ctx, s); err != nil {
		return nil, err
	}
	var out []sqlreview.Observed
	for _, u := range s.Units[min(t.from, len(s.Units)):] {
		t.commit = 0
		seen, err := t.unit(ctx, s, u)
		took := database.UnitTook{Unit: u.Index, Milliseconds: t.commit.Milliseconds()}
		for _, o := range seen {
			took.Milliseconds += o.Milliseconds
		}
		t.took = append(t.took, took)
		out = append(out, seen...)
		if err != nil || len(seen) > 0 && seen[len(seen)-1].Claims.Fails != "" {
			return out, err
		}
	}
	return out, nil
}

// restore executes the settings of the session that units before the first one have made.
func (t *tracer) restore(ctx context.Context, s sqltext.Script) error {
	if t.from == 0 || t.from >= len(s.Units) {
		return nil
	}
	for _, i := range s.Units[t.from].Session {
		if i >= 0 && i < len(s.Statements) {
			if err := t.ask(ctx, s.Statements[i].SQL); err != nil {
				return err
			}
		}
	}
	return nil
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
	began := time.Now()
	defer func() { t.commit = time.Since(began) }()
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
	return server.Classify(ctx, t.conn.PgConn(), sql, err)
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
