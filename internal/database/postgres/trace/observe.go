package trace

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// filenode is what a relation is stored as. An index carries its table.
type filenode struct {
	schema, name, kind string
	node, table        uint32
	scans              int64 // of the open transaction
}

// shown is the name that the reviewer uses.
func (f filenode) shown() string {
	if f.schema == "public" {
		return f.name
	}
	return f.schema + "." + f.name
}

func (f filenode) locked() bool { return strings.Contains("rpvmf", f.kind) }

// filenodes reads all relations, in the working session: it sees what its own transaction did.
func (t *tracer) filenodes(ctx context.Context) (map[uint32]filenode, error) {
	rows, err := t.conn.Query(ctx, `SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode,
		coalesce(i.indrelid, 0), coalesce(pg_stat_get_xact_numscans(c.oid), 0)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'i', 'I') AND n.nspname !~ '^pg_'
			AND n.nspname <> 'information_schema'`)
	if err != nil {
		return nil, server.Classify(ctx, t.conn.PgConn(), "look at relations", err)
	}
	all := map[uint32]filenode{}
	var oid uint32
	var f filenode
	_, err = pgx.ForEachRow(rows, []any{&oid, &f.schema, &f.name, &f.kind, &f.node, &f.table, &f.scans}, func() error {
		all[oid] = f
		return nil
	})
	return all, server.Classify(ctx, t.conn.PgConn(), "look at relations", err)
}

// together runs one statement of a transaction and looks at what it did.
func (t *tracer) together(ctx context.Context, s sqltext.Script, st sqltext.Statement) (sqlreview.Observed, error) {
	o := sqlreview.Observed{Statement: st.Index, Line: st.Line, Kind: st.Kind}
	var err error
	if t.before, err = t.filenodes(ctx); err != nil {
		return o, err
	}
	held, err := t.locks(ctx, t.conn)
	if err != nil {
		return o, err
	}
	began := time.Now()
	fails, err := serverSays(t.run(ctx, s, st))
	o.Milliseconds = time.Since(began).Milliseconds()
	if err != nil {
		return o, err
	}
	if o.Claims.Fails = fails; fails != "" {
		return o, nil
	}
	after, err := t.filenodes(ctx)
	if err != nil {
		return o, err
	}
	t.changes(&o, after)
	all, err := t.locks(ctx, t.conn)
	o.Held = held
	o.Claims.Locks = slices.DeleteFunc(all, func(l sqlreview.Lock) bool { return slices.Contains(held, l) })
	return o, err
}

func (t *tracer) run(ctx context.Context, s sqltext.Script, st sqltext.Statement) error {
	if st.CopyData != nil {
		_, err := t.conn.PgConn().CopyFrom(ctx, strings.NewReader(string(s.Data(st))), st.SQL)
		return err
	}
	_, err := t.conn.PgConn().Exec(ctx, st.SQL).ReadAll()
	return err
}

// changes compares relations before and after. Only those count that were there before the script.
func (t *tracer) changes(o *sqlreview.Observed, after map[uint32]filenode) {
	for oid, b := range t.before {
		a, still := after[oid]
		if !still || !t.base[oid] || b.kind == "i" || b.kind == "I" {
			continue
		}
		if a.node != b.node {
			o.Claims.Rewrites = append(o.Claims.Rewrites, b.shown())
		}
		if a.scans > b.scans {
			o.Claims.Scans = append(o.Claims.Scans, b.shown())
		}
	}
	files := map[uint32]bool{} // an index that is made again may keep its file: nothing is built
	for _, b := range t.before {
		files[b.node] = true
	}
	for _, a := range after {
		if a.kind == "i" && t.base[a.table] && !files[a.node] {
			o.Claims.Builds = append(o.Claims.Builds, t.before[a.table].shown())
		}
	}
	slices.Sort(o.Claims.Rewrites)
	slices.Sort(o.Claims.Scans)
	slices.Sort(o.Claims.Builds)
}

// locks lists what the working session holds or waits for, on relations that were there before the script.
func (t *tracer) locks(ctx context.Context, by *pgx.Conn) ([]sqlreview.Lock, error) {
	rows, err := by.Query(ctx, `SELECT relation, mode FROM pg_locks WHERE locktype = 'relation' AND pid = $1
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, t.conn.PgConn().PID())
	if err != nil {
		return nil, server.Classify(ctx, by.PgConn(), "look at locks", err)
	}
	var out []sqlreview.Lock
	var oid uint32
	var mode string
	_, err = pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		if f, ok := t.before[oid]; ok && t.base[oid] && f.locked() {
			out = append(out, sqlreview.Lock{Relation: f.shown(), Mode: lockMode(mode)})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b sqlreview.Lock) int {
		return strings.Compare(a.Relation+" "+a.Mode, b.Relation+" "+b.Mode)
	})
	return slices.Compact(out), server.Classify(ctx, by.PgConn(), "look at locks", err)
}

// lockMode turns ShareRowExclusiveLock into SHARE ROW EXCLUSIVE.
func lockMode(mode string) string {
	var b strings.Builder
	for i, r := range strings.TrimSuffix(mode, "Lock") {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
