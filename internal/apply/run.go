package apply

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// Run brings a migration into place, unit by unit, each exactly once. It first puts the ticket's number into the
// database, then decides what is in place (Decide), then goes on from there; calling it again after any failure or
// crash is safe.
//
// Errors: *Failure when a unit did not go through and nothing of it stays; ErrUnknown when that cannot be told;
// fence.ErrOvertaken when somebody else holds a larger number. The Result tells in each case what is certainly in
// place.
func Run(ctx context.Context, s Server, c Recovery, j Job) (Result, error) {
	if err := refuseCopyData(j.Units); err != nil {
		return Result{}, err
	}
	id, err := s.Identity(ctx)
	if err != nil {
		return Result{}, &Failure{Err: fmt.Errorf("identify the server: %w", err)}
	}
	if why := inconclusive(id, j); why != "" {
		return Result{}, fmt.Errorf("%w: %s", ErrUnknown, why) // before a number is put where it does not belong
	}
	if err := s.Raise(ctx, j.Ticket); err != nil {
		return Result{}, &Failure{Err: fmt.Errorf("put the takeover number into the database: %w", err)}
	}
	v, err := Decide(ctx, s, c, j)
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	r := Result{Applied: v.Next, Here: v.Here, By: v.By}
	if v.State == Unknown {
		return r, fmt.Errorf("%w: %s", ErrUnknown, v.Why)
	}
	if err := refuseNonTransactional(v, j); err != nil {
		return r, err
	}
	m := machine{Server: s, Recovery: c, Job: j, result: r, before: statementsBefore(j.Units), markerless: v.Markerless}
	for i := v.Next; i < len(j.Units); i++ {
		if err := m.unit(ctx, j.Units[i], v); err != nil {
			return m.result, err
		}
		m.result.Applied++
		v = Verdict{Next: i + 1}
	}
	return m.result, nil
}

// refuseCopyData refuses rows that are sent with the copy protocol, before anything is touched.
func refuseCopyData(units []sqltext.Unit) error {
	for _, u := range units {
		for i, st := range u.Statements {
			if st.CopyData != nil {
				return &Failure{Unit: u.Index, Statement: &u.Statements[i],
					Err: fmt.Errorf("%w: COPY FROM stdin is not applied", ErrStatement)}
			}
		}
	}
	return nil
}

// machine is one call of Run.
type machine struct {
	Server
	Recovery
	Job
	result     Result
	markerless bool
	before     []int // statements before each unit, and at the end all of them
}

func (m *machine) unit(ctx context.Context, u sqltext.Unit, v Verdict) error {
	if u.Kind == sqltext.Alone {
		return m.nonTransactional(ctx, u, v)
	}
	pause := FirstPause
	for n := 1; ; n++ {
		err := m.transactional(ctx, u)
		if err == nil {
			m.result.Here++
			return nil
		}
		if !errors.Is(err, ErrLockTimeout) || errors.Is(err, ErrUnknown) || n == Attempts {
			return err
		}
		m.Say(m.result.Applied, len(m.Units), fmt.Sprintf("attempt %d of %d: %v", n, Attempts, err))
		if err := m.wait(ctx, &pause); err != nil {
			return m.failure(u, nil, err)
		}
	}
}

// wait sleeps for the pause with jitter and doubles it.
func (m *machine) wait(ctx context.Context, pause *time.Duration) error {
	d := *pause/2 + time.Duration(m.Clock.Jitter()*float64(*pause))
	*pause = min(2**pause, LastPause)
	return m.Clock.Sleep(ctx, d)
}

// transactional applies a unit in one transaction that also holds its marker and checks the takeover number.
func (m *machine) transactional(ctx context.Context, u sqltext.Unit) error {
	tx, err := m.Begin(ctx)
	if err != nil {
		return m.failure(u, nil, err)
	}
	a, st, err := m.fill(ctx, tx, u)
	if err != nil {
		return m.undo(ctx, tx, a, u, st, err)
	}
	if err := tx.Commit(ctx); err != nil {
		return m.uncertain(ctx, tx, a, u, err)
	}
	return m.noteSettled(ctx, a)
}

// noteSettled notes the answer where no marker tells of it. A note that could not be made is no error: the
// transaction's fate still tells.
func (m *machine) noteSettled(ctx context.Context, a Attempt) error {
	if m.markerless {
		_ = m.Note(context.WithoutCancel(ctx), Fact{What: Settled, Attempt: a})
	}
	return nil
}

// fill does everything of a transaction but its end. It gives the statement that is to blame for an error.
func (m *machine) fill(ctx context.Context, tx Tx, u sqltext.Unit) (Attempt, *sqltext.Statement, error) {
	a, err := tx.Attempt(ctx)
	if err != nil {
		return a, nil, err
	}
	a.Unit, a.SHA256 = u.Index, u.SHA256
	if err := m.Note(ctx, Fact{What: Attempted, Attempt: a}); err != nil {
		return a, nil, err
	}
	if err := tx.Hold(ctx, m.Ticket); err != nil {
		return a, nil, err
	}
	if u.Kind != sqltext.Undivided {
		if err := tx.Mark(ctx, m.Key, m.marker(u, true)); err != nil {
			return a, nil, err
		}
	}
	for _, sql := range m.settings(u) {
		if err := tx.Exec(ctx, Query{SQL: sql}); err != nil {
			return a, nil, err
		}
	}
	for i := range u.Statements {
		st := &u.Statements[i]
		q := m.query(st, st.SQL)
		q.Undivided = u.Kind == sqltext.Undivided
		if err := tx.Exec(ctx, q); err != nil {
			return a, st, err
		}
	}
	if u.Kind == sqltext.Undivided {
		if err := m.markUndivided(ctx, tx, a, u); err != nil {
			return a, &u.Statements[0], err
		}
	}
	return a, nil, m.Note(ctx, Fact{What: CommitSent, Attempt: a})
}

// markUndivided puts the marker behind a text that was not understood, if the transaction is still the one that was
// noted. In front of it, a COMMIT inside the text would commit the marker without the rest.
func (m *machine) markUndivided(ctx context.Context, tx Tx, a Attempt, u sqltext.Unit) error {
	now, err := tx.Attempt(ctx)
	if err != nil {
		return err
	}
	if now.XID != a.XID {
		return fmt.Errorf("%w: transaction %s became %s", ErrEscaped, a.XID, now.XID)
	}
	return tx.Mark(ctx, m.Key, m.marker(u, true))
}

// undo ends a transaction that was never told to commit; its backend must be gone before anybody says that nothing
// stays.
func (m *machine) undo(ctx context.Context, tx Tx, a Attempt, u sqltext.Unit, st *sqltext.Statement,
	cause error) error {
	lasting := context.WithoutCancel(ctx)
	rolled := tx.Rollback(lasting)
	if errors.Is(cause, fence.ErrOvertaken) {
		return cause
	}
	if (rolled != nil || errors.Is(cause, ErrLost)) && a.PID != 0 {
		fate, err := final(lasting, m.Recovery, m.Job, a)
		if fate == Committed {
			cause = ErrEscaped
		}
		if err != nil {
			// Without a COMMIT nothing can stay, but the backend may still hold its locks.
			m.Say(m.result.Applied, len(m.Units), "the old backend could not be ended: "+err.Error())
		}
	}
	if errors.Is(cause, ErrEscaped) {
		_ = m.Note(lasting, Fact{What: Escaped, Attempt: a}) // without it a resumed run might see a clean rollback
		return fmt.Errorf("%w: line %d: %w; what it had done until then may be in place, and no marker tells",
			ErrUnknown, u.Statements[0].Line, cause)
	}
	return m.failure(u, st, cause)
}

// uncertain decides what became of a COMMIT that was not answered with COMMIT.
func (m *machine) uncertain(ctx context.Context, tx Tx, a Attempt, u sqltext.Unit, cause error) error {
	lasting := context.WithoutCancel(ctx)
	_ = tx.Rollback(lasting) // releases the connection; a transaction that may be committed cannot be harmed by it
	if errors.Is(cause, ErrStatement) || errors.Is(cause, ErrLockTimeout) {
		return m.failure(u, nil, cause)
	}
	fate, err := final(lasting, m.Recovery, m.Job, a)
	if err != nil {
		return fmt.Errorf("%w: unit %d: %w", ErrUnknown, u.Index+1, err)
	}
	if m.markerless {
		switch fate {
		case Committed:
			return m.noteSettled(ctx, a)
		case Aborted:
			return m.failure(u, nil, cause)
		}
		return fmt.Errorf("%w: unit %d: the server does not tell what became of transaction %s", ErrUnknown, u.Index+1,
			a.XID)
	}
	marked, err := m.marked(lasting, u)
	if err != nil {
		return fmt.Errorf("%w: unit %d: %w", ErrUnknown, u.Index+1, err)
	}
	switch {
	case marked && fate != Aborted:
		return nil
	case !marked && fate != Committed:
		return m.failure(u, nil, cause)
	}
	return fmt.Errorf("%w: unit %d: marker and transaction status disagree", ErrUnknown, u.Index+1)
}

func (m *machine) marked(ctx context.Context, u sqltext.Unit) (bool, error) {
	all, err := m.Markers(ctx, m.Key)
	if err != nil {
		return false, err
	}
	for _, k := range all {
		if k.Unit == u.Index && k.Done {
			return true, nil
		}
	}
	return false, nil
}

func (m *machine) marker(u sqltext.Unit, done bool) Marker {
	return Marker{Unit: u.Index, SHA256: u.SHA256, Run: m.Ticket.Run, Fence: m.Ticket.Number, Done: done}
}

// settings gives the settings that a new connection needs before this unit.
func (m *machine) settings(u sqltext.Unit) []string {
	var all []string
	for _, i := range u.Session {
		if sql, ok := m.Session[i]; ok {
			all = append(all, sql)
		}
	}
	return all
}

func (m *machine) failure(u sqltext.Unit, st *sqltext.Statement, err error) error {
	if errors.Is(err, fence.ErrOvertaken) {
		return err
	}
	return &Failure{Unit: u.Index, Statement: st, Result: m.result, Err: err}
}

// query announces a statement, as "statement 3 of 12, line 40: CREATE INDEX", and makes what is heard while it runs
// follow those words.
func (m *machine) query(st *sqltext.Statement, sql string) Query {
	label := fmt.Sprintf("statement %d of %d, line %d: %s", m.ordinal(st), m.before[len(m.Units)], st.Line, st.Kind)
	m.say(label)
	return Query{SQL: sql, Progress: func(text string) { m.say(label + ": " + text) }}
}

func (m *machine) say(text string) { m.Say(m.result.Applied, len(m.Units), text) }

// Waits tells whether a text that was said is about somebody who is in the way: worth a line of its own, for it is said
// once.
func Waits(text string) bool {
	return strings.Contains(text, ": waits for pid ") || strings.HasPrefix(text, "attempt ")
}

// ordinal counts from one, over the statements of all units. BEGIN and COMMIT of the file do not count: they are not
// sent.
func (m *machine) ordinal(st *sqltext.Statement) int {
	u := sort.Search(len(m.Units), func(i int) bool { return first(m.Units[i]) > st.Index }) - 1
	if u < 0 {
		return 0
	}
	return m.before[u] + st.Index - first(m.Units[u]) + 1
}

func first(u sqltext.Unit) int {
	if len(u.Statements) == 0 {
		return 0
	}
	return u.Statements[0].Index
}

// statementsBefore gives how many statements stand before each unit, and at the end how many there are.
func statementsBefore(units []sqltext.Unit) []int {
	all := []int{0}
	for i, u := range units {
		all = append(all, all[i]+len(u.Statements))
	}
	return all
}
