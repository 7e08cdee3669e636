package fake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/apply"
)

// meaning is what the server makes of a statement: a small language that looks like SQL.
type meaning struct {
	fails   bool   // holds "1/0"
	silent  bool   // SET, VACUUM: changes nothing that is counted
	index   string // CREATE INDEX CONCURRENTLY
	drops   string // DROP INDEX CONCURRENTLY
	guarded bool
}

func read(sql string) meaning {
	var m meaning
	words := strings.Fields(sql)
	if len(words) == 0 {
		return meaning{silent: true}
	}
	m.fails = strings.Contains(sql, "1/0")
	m.silent = words[0] == "SET" || words[0] == "VACUUM" || words[0] == "SELECT"
	for i, word := range words {
		switch {
		case word == "EXISTS":
			m.guarded = true
		case word != "CONCURRENTLY":
		case words[0] == "CREATE":
			m.index = after(words[i+1:])
		case words[0] == "DROP":
			m.drops = after(words[i+1:])
		}
	}
	return m
}

// after gives the name that follows an optional IF [NOT] EXISTS.
func after(words []string) string {
	for _, w := range words {
		switch w {
		case "IF", "NOT", "EXISTS":
			continue
		}
		return strings.TrimSuffix(w, ";")
	}
	return ""
}

// run is one statement at work.
type run struct {
	over bool
	err  error
}

// execute sends a statement and waits for its end.
func (b *backend) execute(ctx context.Context, sql string) error {
	var r *run
	err := b.call(ctx, "exec "+sql, func() error { r = b.start(sql); return nil })
	if err != nil || r.over {
		return b.result(err, r)
	}
	p := b.s.w.Current()
	p.Wait(4*time.Hour, func() bool { return r.over || !b.alive || ctx.Err() != nil })
	if !r.over {
		b.abandon()
		return errors.Join(apply.ErrLost, ctx.Err())
	}
	return r.err
}

func (b *backend) result(err error, r *run) error {
	if err != nil {
		return err
	}
	return r.err
}

// call is one exchange on this connection. After an error of the connection the client has none any more.
func (b *backend) call(ctx context.Context, what string, act func() error) error {
	if b.orphan || !b.alive {
		return apply.ErrLost
	}
	err := lost(b.s.w.Do(ctx, b.s.place, what, func() error {
		if !b.alive {
			return apply.ErrLost
		}
		return act()
	}))
	if errors.Is(err, apply.ErrLost) || ctx.Err() != nil {
		b.abandon()
	}
	return err
}

// start begins a statement on the server.
func (b *backend) start(sql string) *run {
	r := &run{}
	m := read(sql)
	switch {
	case b.aborted:
		return refuse(r, fmt.Errorf("%w: current transaction is aborted", apply.ErrStatement))
	case b.s.Busy != nil && b.s.Busy(sql):
		b.aborted = !b.nonTransactional
		return refuse(r, fmt.Errorf("%w: canceling statement due to lock timeout", apply.ErrLockTimeout))
	case m.index != "" && !b.nonTransactional:
		b.aborted = true
		return refuse(r, fmt.Errorf("%w: cannot run inside a transaction block", apply.ErrStatement))
	}
	b.running = true
	if m.index != "" {
		if existing := b.s.indexes[m.index]; existing != nil {
			b.running = false
			if m.guarded {
				r.over = true // NOTICE: already exists, skipping; valid or not
				return r
			}
			return refuse(r, fmt.Errorf("%w: relation %q already exists", apply.ErrStatement, m.index))
		}
		b.s.indexes[m.index] = &index{builder: b}
		b.s.changed(b.owner, sql)
	}
	if m.drops != "" || b.nonTransactional && m.index == "" && !m.silent {
		b.s.changed(b.owner, sql)
	}
	lasts := time.Duration(0)
	if b.s.Lasts != nil && b.s.w.Running() {
		lasts = b.s.Lasts(sql)
	}
	if lasts == 0 {
		b.finish(r, sql, m)
		return r
	}
	b.s.w.In(lasts, func() { b.finish(r, sql, m) })
	return r
}

func refuse(r *run, err error) *run {
	r.over, r.err = true, err
	return r
}

// drop removes an index. Like the server, it asks nobody whether the index is valid.
func (b *backend) drop(name string) error {
	i := b.s.indexes[name]
	switch {
	case i == nil:
		return fmt.Errorf("%w: index %q does not exist", apply.ErrStatement, name)
	case i.builder != nil:
		return fmt.Errorf("%w: another session builds %s", apply.ErrLockTimeout, name)
	case i.valid:
		b.s.applied["dropped valid "+name]++
	}
	delete(b.s.indexes, name)
	return nil
}

// finish is the end of a statement that nobody ended before.
func (b *backend) finish(r *run, sql string, m meaning) {
	if !b.alive {
		return
	}
	r.over, b.running = true, false
	switch {
	case m.fails:
		b.aborted = !b.nonTransactional
		r.err = fmt.Errorf("%w: division by zero", apply.ErrStatement)
		if i := b.s.indexes[m.index]; i != nil && i.builder == b {
			i.builder = nil // the index stays, invalid
		}
	case m.silent:
	case m.index != "":
		i := b.s.indexes[m.index]
		i.valid, i.builder = true, nil
		b.s.applied[sql]++
	case m.drops != "":
		r.err = b.drop(m.drops)
	case b.nonTransactional:
		b.s.applied[sql]++
	default:
		b.pending = append(b.pending, func() { b.s.changed(b.owner, sql); b.s.applied[sql]++ })
	}
	if b.nonTransactional && b.orphan {
		b.end()
	}
}
