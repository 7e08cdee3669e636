package fake

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
)

// Begin opens a transaction.
func (s *Server) Begin(ctx context.Context) (apply.Tx, error) {
	var b *backend
	if err := s.do(ctx, "begin", func() error { b = s.connect(false); return nil }); err != nil {
		if b != nil {
			b.abandon()
		}
		return nil, err
	}
	if s.Markerless {
		if err := b.alone(ctx); err != nil {
			b.abandon()
			return nil, err
		}
	}
	return tx{session{b}}, nil
}

// theOne is what a server without markers lets one transaction at a time hold.
const theOne = "one at a time"

// alone waits for it.
func (b *backend) alone(ctx context.Context) error {
	free := func() bool { o := b.s.row[theOne]; return o == nil || o == b }
	for waited := false; ; waited = true {
		had := false
		err := b.call(ctx, "lock", func() error {
			if had = free(); had {
				b.s.row[theOne], b.row = b, theOne
			}
			return nil
		})
		if err != nil || had {
			return err
		}
		p := b.s.w.Current()
		if waited || p == nil || !p.Wait(lockTimeout, free) {
			return fmt.Errorf("%w: another transaction holds the lock", apply.ErrLockTimeout)
		}
	}
}

// NonTransactional opens a session outside transactions.
func (s *Server) NonTransactional(ctx context.Context) (apply.NonTransactional, error) {
	if s.Markerless {
		return nil, fmt.Errorf("%w: without markers there are no statements outside transactions", apply.ErrStatement)
	}
	var b *backend
	if err := s.do(ctx, "connect", func() error { b = s.connect(true); return nil }); err != nil {
		if b != nil {
			b.abandon()
		}
		return nil, err
	}
	return nonTransactional{session{b}}, nil
}

// session is the client's side of one connection.
type session struct{ b *backend }

// Attempt tells what is needed to find out later what became of it.
func (c session) Attempt(ctx context.Context) (apply.Attempt, error) {
	b := c.b
	var a apply.Attempt
	err := b.call(ctx, "attempt", func() error {
		if !b.nonTransactional && b.xid == "" {
			b.s.serial++
			b.xid = strconv.Itoa(b.s.serial)
			b.s.fates[b.xid] = apply.InProgress
		}
		a = apply.Attempt{XID: b.xid, PID: b.pid, Started: b.started, Identity: b.s.identity}
		return nil
	})
	return a, err
}

// Exec runs a statement to its end.
func (c session) Exec(ctx context.Context, q apply.Query) error { return c.b.execute(ctx, q.SQL) }

// tx is a transaction.
type tx struct{ session }

// Hold locks the fencing row and compares.
func (c tx) Hold(ctx context.Context, t fence.Ticket) error {
	b := c.b
	if b.s.Markerless {
		b.number = t.Number
		return nil
	}
	free := func() bool { o := b.s.row[place(t)]; return o == nil || o == b }
	for waited := false; ; waited = true {
		had := false
		err := b.call(ctx, "hold "+strconv.FormatInt(t.Number, 10), func() error {
			if !free() {
				return nil
			}
			had = true
			if err := t.Check(b.s.fences[place(t)]); err != nil {
				b.aborted = true
				return err
			}
			b.s.row[place(t)], b.row, b.number = b, place(t), t.Number
			return nil
		})
		if err != nil || had {
			return err
		}
		p := b.s.w.Current()
		if waited || p == nil || !p.Wait(lockTimeout, free) {
			b.aborted = true
			return fmt.Errorf("%w: the fencing row is locked", apply.ErrLockTimeout)
		}
	}
}

// Mark inserts the marker, to be committed with the rest.
func (c tx) Mark(ctx context.Context, k apply.Key, m apply.Marker) error {
	b := c.b
	return b.call(ctx, fmt.Sprintf("mark unit %d", m.Unit), func() error {
		if b.s.has(k, m) && !b.s.Markerless {
			b.aborted = true
			return apply.ErrMarked
		}
		b.pending = append(b.pending, func() { b.s.mark(k, m) })
		return nil
	})
}

func (s *Server) has(k apply.Key, m apply.Marker) bool {
	for _, o := range s.markers[k] {
		if o.Unit == m.Unit && o.Done == m.Done {
			return true
		}
	}
	return false
}

func (s *Server) mark(k apply.Key, m apply.Marker) {
	m.At = s.w.Now()
	s.markers[k] = append(s.markers[k], m)
}

// Commit makes everything true at once, or nothing.
func (c tx) Commit(ctx context.Context) error {
	b := c.b
	return b.call(ctx, "COMMIT", func() error {
		if b.aborted {
			b.end()
			return fmt.Errorf("%w: the server answered ROLLBACK", apply.ErrStatement)
		}
		for _, make := range b.pending {
			make()
		}
		if b.xid != "" {
			b.s.fates[b.xid] = apply.Committed
		}
		b.end()
		return nil
	})
}

// Rollback ends the transaction; after its end it does nothing.
func (c tx) Rollback(ctx context.Context) error {
	b := c.b
	if !b.alive || b.orphan {
		return nil
	}
	return b.call(ctx, "rollback", func() error { b.end(); return nil })
}

// nonTransactional is a session outside transactions.
type nonTransactional struct{ session }

// Hold takes the lock of app and environment by try and poll, and compares the number.
func (c nonTransactional) Hold(ctx context.Context, t fence.Ticket) error {
	b := c.b
	free := func() bool { o := b.s.advisory[place(t)]; return o == nil || o == b }
	for waited := false; ; waited = true {
		had := false
		err := b.call(ctx, "lock for "+strconv.FormatInt(t.Number, 10), func() error {
			if !free() {
				return nil
			}
			had = true
			b.shown, b.number = place(t), t.Number
			if err := t.Check(b.s.fences[place(t)]); err != nil {
				return err
			}
			b.s.advisory[place(t)], b.lock = b, place(t)
			return nil
		})
		if err != nil || had {
			return err
		}
		p := b.s.w.Current()
		if waited || p == nil || !p.Wait(lockPolls, free) {
			return fmt.Errorf("%w: another session holds the lock of %s", apply.ErrLockTimeout, place(t))
		}
	}
}

// Mark commits a marker at once, if the number shown in Hold still counts.
func (c nonTransactional) Mark(ctx context.Context, k apply.Key, m apply.Marker) error {
	b := c.b
	return b.call(ctx, fmt.Sprintf("mark unit %d done=%v", m.Unit, m.Done), func() error {
		if known := b.s.fences[b.shown]; b.number < known.Number {
			return &fence.Overtaken{By: known}
		}
		if b.s.has(k, m) {
			return apply.ErrMarked
		}
		b.s.mark(k, m)
		return nil
	})
}

// Close ends the session.
func (c nonTransactional) Close(ctx context.Context) error {
	b := c.b
	if !b.alive || b.orphan {
		return nil
	}
	err := b.call(ctx, "disconnect", func() error { b.end(); return nil })
	if errors.Is(err, apply.ErrLost) {
		return nil
	}
	return err
}
