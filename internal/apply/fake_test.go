package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// ports are a server that keeps its word, but for the errors that a test gives to single calls.
type ports struct {
	identity Identity
	markers  []Marker
	// committed are the statements in place; fates the transactions that have ended.
	committed []string
	fates     map[string]Fate
	begun     int
	// fails are given by calls in order: the key is the call ("commit", "exec") or "exec" and a statement.
	fails map[string][]error
	// keeps tells that a COMMIT whose answer is an error was carried out all the same.
	keeps bool
	// effects are what probes find, in order; the last one stays.
	effects []Effect
	calls   []string
}

func (p *ports) call(names ...string) error {
	p.calls = append(p.calls, names[0])
	for _, n := range names {
		if all := p.fails[n]; len(all) > 0 {
			p.fails[n] = all[1:]
			return all[0]
		}
	}
	return nil
}

func (p *ports) Identity(context.Context) (Identity, error)      { return p.identity, p.call("identity") }
func (p *ports) Raise(context.Context, fence.Ticket) error       { return p.call("raise") }
func (p *ports) Markers(context.Context, Key) ([]Marker, error)  { return p.markers, p.call("markers") }
func (p *ports) End(context.Context, Attempt) error              { return p.call("end") }
func (p *ports) Fate(_ context.Context, a Attempt) (Fate, error) { return p.fate(a), p.call("fate") }
func (p *ports) NonTransactional(context.Context) (NonTransactional, error) {
	return &session{ports: p}, p.call("session")
}

func (p *ports) Begin(context.Context) (Tx, error) {
	if err := p.call("begin"); err != nil {
		return nil, err
	}
	p.begun++
	return &tx{ports: p, xid: fmt.Sprint(p.begun)}, nil
}

func (p *ports) fate(a Attempt) Fate {
	if f, ok := p.fates[a.XID]; ok {
		return f
	}
	return Forgotten
}

func (p *ports) Probe(context.Context, sqltext.Statement) (Effect, string, error) {
	e := p.effects[0]
	if len(p.effects) > 1 {
		p.effects = p.effects[1:]
	}
	return e, "a probe was made", p.call("probe")
}

func (p *ports) Remedy(context.Context, sqltext.Statement) ([]string, error) {
	return []string{"DROP INDEX i"}, p.call("remedy")
}

type tx struct {
	*ports
	xid     string
	sent    []string
	markers []Marker
}

func (t *tx) Attempt(context.Context) (Attempt, error) {
	return Attempt{XID: t.xid, PID: t.begun, Identity: t.identity}, t.call("attempt")
}
func (t *tx) Hold(context.Context, fence.Ticket) error { return t.call("hold") }
func (t *tx) Mark(_ context.Context, _ Key, m Marker) error {
	t.markers = append(t.markers, m)
	return t.call("mark")
}

func (t *tx) Exec(_ context.Context, q Query) error {
	t.sent = append(t.sent, q.SQL)
	return t.call("exec", "exec "+q.SQL)
}

func (t *tx) Commit(context.Context) error {
	err := t.call("commit")
	t.fates[t.xid] = Aborted
	if err == nil || t.keeps {
		t.fates[t.xid] = Committed
		t.committed = append(t.committed, t.sent...)
		t.ports.markers = append(t.ports.markers, t.markers...)
	}
	return err
}

func (t *tx) Rollback(context.Context) error {
	if t.fates[t.xid] == 0 {
		t.fates[t.xid] = Aborted
	}
	return t.call("rollback")
}

type session struct{ *ports }

func (s *session) Attempt(context.Context) (Attempt, error) {
	return Attempt{PID: 7, Identity: s.identity}, s.call("attempt")
}
func (s *session) Hold(context.Context, fence.Ticket) error { return s.call("hold") }
func (s *session) Mark(_ context.Context, _ Key, m Marker) error {
	s.markers = append(s.markers, m)
	return s.call("mark")
}

func (s *session) Exec(_ context.Context, q Query) error {
	err := s.call("exec", "exec "+q.SQL)
	if err == nil {
		s.committed = append(s.committed, q.SQL)
	}
	return err
}
func (s *session) Close(context.Context) error { return s.call("close") }

// still is a clock that only moves when somebody sleeps.
type still struct {
	now   time.Time
	slept []time.Duration
}

func (c *still) Now() time.Time  { return c.now }
func (c *still) Jitter() float64 { return 0.5 }
func (c *still) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return nil
}

// newJob is a migration, whose facts are remembered in it.
func newJob(t *testing.T, sql string) (*Job, *still) {
	t.Helper()
	script, err := sqltext.Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	clock := &still{now: time.Unix(1_000_000_000, 0)}
	j := &Job{Key: Key{App: "shop", Environment: "production", Migration: script.SHA256}, Units: script.Units,
		Ticket: fence.Ticket{App: "shop", Environment: "production", Ledger: "a", Run: "r-one", Number: 1},
		Say:    func(int, int, string) {}, Clock: clock}
	j.Note = func(_ context.Context, f Fact) error { j.Facts = append(j.Facts, f); return nil }
	return j, clock
}

func newPorts() *ports {
	return &ports{identity: Identity{System: "1", Timeline: 1, Database: "shop"}, fates: map[string]Fate{},
		fails: map[string][]error{}, effects: []Effect{NotDone, Done}}
}

// noted gives what the facts announce.
func noted(j *Job) string {
	var all []string
	for _, f := range j.Facts {
		all = append(all, string(f.What))
	}
	return strings.Join(all, " ")
}

// isOneOf tells whether an error matches each of these; none wants none.
func isOneOf(err error, want []error) bool {
	for _, w := range want {
		if !errors.Is(err, w) {
			return false
		}
	}
	return (err == nil) == (len(want) == 0)
}
