package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// alone applies a unit that can be in no transaction: committed intent, statement, catalog probe, committed end. What the statement
// reported does not count; what the catalog shows does (IF NOT EXISTS succeeds over an invalid index).
func (m *machine) alone(ctx context.Context, u sqltext.Unit, v Verdict) error {
	st := &u.Statements[0]
	solo, a, err := m.enter(ctx, u)
	if err != nil {
		return err
	}
	defer func() { _ = solo.Close(context.WithoutCancel(ctx)) }()
	if v.Intended && v.Next == u.Index && v.Standing == Done {
		return m.finish(ctx, solo, u)
	}
	if err := m.clear(ctx, solo, st, v.Intended && v.Next == u.Index); err != nil {
		return m.failure(u, st, err)
	}
	if err := solo.Mark(ctx, m.Key, m.marker(u, false)); err != nil && !errors.Is(err, ErrMarked) {
		return m.failure(u, st, err)
	}
	pause := FirstPause
	for n := 1; ; n++ {
		said := m.execute(ctx, solo, st)
		found, why, err := m.after(ctx, st, a, said)
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrUnknown, st.Line, err)
		}
		retry := errors.Is(said, ErrLockTimeout) && n < Attempts
		switch {
		case errors.Is(said, fence.ErrOvertaken):
			return said
		case found == Done:
			return m.finish(ctx, solo, u)
		case found == Other:
			return fmt.Errorf("%w: line %d: %s", ErrUnknown, st.Line, why)
		case said == nil && found == NotDone:
			return fmt.Errorf("%w: line %d: the server took the statement, but %s", ErrUnknown, st.Line, why)
		}
		if found == Halfway {
			if err := m.mend(context.WithoutCancel(ctx), solo, st, errors.Is(said, ErrLost)); err != nil {
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

// enter opens the session, takes the lock, and notes the attempt before anything is sent.
func (m *machine) enter(ctx context.Context, u sqltext.Unit) (Solo, Attempt, error) {
	solo, err := m.Solo(ctx)
	if err != nil {
		return nil, Attempt{}, m.failure(u, nil, err)
	}
	a, err := solo.Attempt(ctx)
	if err == nil {
		err = solo.Hold(ctx, m.Ticket)
	}
	if err == nil {
		a.Unit = u.Index
		err = m.Note(ctx, Fact{What: Attempted, Attempt: a})
	}
	for _, sql := range m.session(u) {
		if err == nil {
			err = solo.Exec(ctx, Query{SQL: sql})
		}
	}
	if err != nil {
		_ = solo.Close(context.WithoutCancel(ctx))
		return nil, a, m.failure(u, nil, err)
	}
	return solo, a, nil
}

// clear removes what an earlier attempt of ours left half done, and refuses to touch what was there before.
func (m *machine) clear(ctx context.Context, solo Solo, st *sqltext.Statement, ours bool) error {
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
	return m.mend(ctx, solo, st, false)
}

// mend removes what a statement left half done, in the session that holds the lock, or in a new one where that is lost.
func (m *machine) mend(ctx context.Context, solo Solo, st *sqltext.Statement, lost bool) error {
	all, err := m.Remedy(ctx, *st)
	if err != nil {
		return err
	}
	if lost {
		if solo, err = m.Solo(ctx); err != nil {
			return err
		}
		defer func() { _ = solo.Close(ctx) }()
	}
	for _, sql := range all {
		if err := m.under(ctx, solo, m.query(st, sql)); err != nil {
			return err
		}
	}
	return nil
}

// execute runs the statement under the number.
func (m *machine) execute(ctx context.Context, solo Solo, st *sqltext.Statement) error {
	return m.under(ctx, solo, m.query(st, st.SQL))
}

// under checks the number immediately before a statement that can be in no transaction, and runs it.
func (m *machine) under(ctx context.Context, solo Solo, q Query) error {
	if err := solo.Hold(ctx, m.Ticket); err != nil {
		return err
	}
	return solo.Exec(ctx, q)
}

// after looks at what the statement left, once its backend has ended it.
func (m *machine) after(ctx context.Context, st *sqltext.Statement, a Attempt, said error) (Found, string, error) {
	quiet := context.WithoutCancel(ctx)
	if errors.Is(said, ErrLost) || ctx.Err() != nil {
		if err := m.outlive(quiet, a); err != nil {
			return 0, "", err
		}
	}
	if st.Probe == nil || st.Probe.What == sqltext.Repeatable {
		return unprobed(said)
	}
	return m.Probe(quiet, *st)
}

// unprobed concludes from the server's word alone, where the catalog cannot be asked.
func unprobed(said error) (Found, string, error) {
	switch {
	case said == nil:
		return Done, "the server took it", nil
	case errors.Is(said, ErrLost):
		return Other, "the connection was lost and the catalog cannot be asked", nil
	}
	return NotDone, "the server refused it", nil
}

// outlive waits until the backend whose client is gone has come to its end.
func (m *machine) outlive(ctx context.Context, a Attempt) error {
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
func (m *machine) finish(ctx context.Context, solo Solo, u sqltext.Unit) error {
	quiet := context.WithoutCancel(ctx)
	err := solo.Mark(quiet, m.Key, m.marker(u, true))
	if errors.Is(err, ErrLost) {
		// The statement is in place and the catalog shows it; only its end is not written down. A resumed run will find it so.
		return fmt.Errorf("%w: line %d is in place but its end could not be marked: %w", ErrUnknown, u.Statements[0].Line, err)
	}
	if err != nil && !errors.Is(err, ErrMarked) {
		return fmt.Errorf("%w: line %d is in place but its end could not be marked: %w", ErrUnknown, u.Statements[0].Line, err)
	}
	m.result.Here++
	return nil
}
