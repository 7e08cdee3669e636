package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// nonTransactional applies a unit that can be in no transaction: committed intent, statement, catalog probe, committed
// end. What the statement reported does not count; what the catalog shows does (IF NOT EXISTS succeeds over an invalid
// index).
func (m *machine) nonTransactional(ctx context.Context, u sqltext.Unit, v Verdict) error {
	st := &u.Statements[0]
	session, a, err := m.openSession(ctx, u)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }()
	if v.Intended && v.Next == u.Index && v.Effect == Done {
		return m.finish(ctx, session, u)
	}
	if err := m.removeLeftover(ctx, session, st, v.Intended && v.Next == u.Index); err != nil {
		return m.failure(u, st, err)
	}
	if err := session.Mark(ctx, m.Key, m.marker(u, false)); err != nil && !errors.Is(err, ErrMarked) {
		return m.failure(u, st, err)
	}
	pause := FirstPause
	for n := 1; ; n++ {
		said := m.execute(ctx, session, st)
		found, why, err := m.inspect(ctx, st, a, said)
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrUnknown, st.Line, err)
		}
		retry := errors.Is(said, ErrLockTimeout) && n < Attempts
		switch {
		case errors.Is(said, fence.ErrOvertaken):
			return said
		case found == Done:
			return m.finish(ctx, session, u)
		case found == Other:
			return fmt.Errorf("%w: line %d: %s", ErrUnknown, st.Line, why)
		case said == nil && found == NotDone:
			return fmt.Errorf("%w: line %d: the server took the statement, but %s", ErrUnknown, st.Line, why)
		}
		if found == Halfway {
			if err := m.cleanUp(context.WithoutCancel(ctx), session, st, errors.Is(said, ErrLost)); err != nil {
				return fmt.Errorf("%w: line %d: %s, and it could not be removed: %w", ErrUnknown, st.Line, why, err)
			}
			retry = retry || said == nil && n < Attempts
		}
		if !retry {
			return m.failure(u, st, refusal(said, why))
		}
		m.Say(m.result.Applied, len(m.Units), fmt.Sprintf("attempt %d of %d: %s", n, Attempts, why))
		if err := m.wait(ctx, &pause); err != nil {
			return m.failure(u, st, err)
		}
	}
}

func refusal(said error, why string) error {
	if said != nil {
		return said
	}
	return fmt.Errorf("%w: %s", ErrStatement, why)
}

// openSession opens the session, takes the lock, and notes the attempt before anything is sent.
func (m *machine) openSession(ctx context.Context, u sqltext.Unit) (NonTransactional, Attempt, error) {
	session, err := m.NonTransactional(ctx)
	if err != nil {
		return nil, Attempt{}, m.failure(u, nil, err)
	}
	a, err := session.Attempt(ctx)
	if err == nil {
		err = session.Hold(ctx, m.Ticket)
	}
	if err == nil {
		a.Unit = u.Index
		err = m.Note(ctx, Fact{What: Attempted, Attempt: a})
	}
	for _, sql := range m.settings(u) {
		if err == nil {
			err = session.Exec(ctx, Query{SQL: sql})
		}
	}
	if err != nil {
		_ = session.Close(context.WithoutCancel(ctx))
		return nil, a, m.failure(u, nil, err)
	}
	return session, a, nil
}

// removeLeftover removes what an earlier attempt of ours left half done, and refuses to touch what was there before.
func (m *machine) removeLeftover(ctx context.Context, session NonTransactional, st *sqltext.Statement,
	ours bool) error {
	if st.Probe == nil {
		return nil
	}
	found, why, err := m.Probe(ctx, *st)
	if err != nil || found != Halfway {
		return err
	}
	if !ours {
		return fmt.Errorf("%w: it was so before this run began: %s", ErrStatement, why)
	}
	return m.cleanUp(ctx, session, st, false)
}

// cleanUp removes what a statement left half done, in the session that holds the lock, or in a new one where that is
// lost.
func (m *machine) cleanUp(ctx context.Context, session NonTransactional, st *sqltext.Statement, lost bool) error {
	all, err := m.Remedy(ctx, *st)
	if err != nil {
		return err
	}
	if lost {
		if session, err = m.NonTransactional(ctx); err != nil {
			return err
		}
		defer func() { _ = session.Close(ctx) }()
	}
	for _, sql := range all {
		if err := m.fenced(ctx, session, m.query(st, sql)); err != nil {
			return err
		}
	}
	return nil
}

// execute runs the statement under the number.
func (m *machine) execute(ctx context.Context, session NonTransactional, st *sqltext.Statement) error {
	return m.fenced(ctx, session, m.query(st, st.SQL))
}

// fenced checks the number immediately before a statement that can be in no transaction, and runs it.
func (m *machine) fenced(ctx context.Context, session NonTransactional, q Query) error {
	if err := session.Hold(ctx, m.Ticket); err != nil {
		return err
	}
	return session.Exec(ctx, q)
}

// inspect looks at what the statement left, once its backend has ended it.
func (m *machine) inspect(ctx context.Context, st *sqltext.Statement, a Attempt, said error) (Effect, string, error) {
	lasting := context.WithoutCancel(ctx)
	if errors.Is(said, ErrLost) || ctx.Err() != nil {
		if err := m.awaitEnd(lasting, a); err != nil {
			return 0, "", err
		}
	}
	if st.Probe == nil || st.Probe.What == sqltext.Repeatable {
		return effectOfAnswer(said)
	}
	return m.Probe(lasting, *st)
}

// effectOfAnswer concludes from the server's word alone, where the catalog cannot be asked.
func effectOfAnswer(said error) (Effect, string, error) {
	switch {
	case said == nil:
		return Done, "the server took it", nil
	case errors.Is(said, ErrLost):
		return Other, "the connection was lost and the catalog cannot be asked", nil
	}
	return NotDone, "the server refused it", nil
}

// awaitEnd waits until the backend whose client is gone has come to its end.
func (m *machine) awaitEnd(ctx context.Context, a Attempt) error {
	until := m.Clock.Now().Add(24 * time.Hour)
	for m.Clock.Now().Before(until) {
		fate, err := m.Fate(ctx, a)
		if err == nil && fate == Idle {
			err = m.End(ctx, a) // the statement has ended; the session would only keep the lock
		}
		if err == nil && fate != InProgress && fate != Idle {
			return nil
		}
		if err != nil && !m.Clock.Now().Before(until.Add(SettleLimit-24*time.Hour)) {
			return err
		}
		if err := m.Clock.Sleep(ctx, settlePause); err != nil {
			return err
		}
	}
	return fmt.Errorf("pid %d is still at work", a.PID)
}

// finish commits the end of the unit and counts it as done here.
func (m *machine) finish(ctx context.Context, session NonTransactional, u sqltext.Unit) error {
	lasting := context.WithoutCancel(ctx)
	err := session.Mark(lasting, m.Key, m.marker(u, true))
	if errors.Is(err, ErrLost) {
		// The statement is in place and the catalog shows it; only its end is not written down. A resumed run will find
		// it so.
		return fmt.Errorf("%w: line %d is in place but its end could not be marked: %w", ErrUnknown,
			u.Statements[0].Line, err)
	}
	if err != nil && !errors.Is(err, ErrMarked) {
		return fmt.Errorf("%w: line %d is in place but its end could not be marked: %w", ErrUnknown,
			u.Statements[0].Line, err)
	}
	m.result.Here++
	return nil
}
