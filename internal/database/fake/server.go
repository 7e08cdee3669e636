// Package fake is a database in a seeded world: apply.Server, apply.Recovery, database.Planner and database.Dumper with
// transactions that keep their promises. Backends live on the server, not with their client: a dead client's statement
// goes on, an open transaction keeps its locks until somebody or something ends it, a COMMIT may arrive late.
// Test-only. Start with New.
package fake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
	"fairlead/internal/world"
)

// The limits that an adapter would set.
const (
	lockTimeout = 2 * time.Second
	lockPolls   = 10 * time.Second
)

// A Server is one database server. All operators of a story share it.
type Server struct {
	// Changed hears of each change to the schema as it begins to be true: who made it (nil outside of a story) and
	// what.
	Changed func(by *world.Proc, what string)
	// Lasts tells how long a statement takes; nil means that all are instant.
	Lasts func(sql string) time.Duration
	// Busy tells whether a foreign session is in a statement's way, so that it ends in a lock timeout; nil means never.
	Busy func(sql string) bool
	// Markerless gives no markers and keeps no numbers. What would be marked is still kept, for invariants.
	Markerless bool

	w        *world.World
	place    *world.Place
	identity apply.Identity
	fences   map[string]fence.Ticket
	row      map[string]*backend // who has locked the fencing row
	advisory map[string]*backend
	markers  map[apply.Key][]apply.Marker
	indexes  map[string]*index
	applied  map[string]int
	fates    map[string]apply.Fate
	backends []*backend
	serial   int
	forgot   bool
}

// index is one index by name.
type index struct {
	valid   bool
	builder *backend
}

// New makes a server with nothing in it.
func New(w *world.World, at *world.Place) *Server {
	s := &Server{w: w, place: at, identity: apply.Identity{System: "7300000000000000001", Timeline: 1,
		Database: "shop"},
		fences: map[string]fence.Ticket{}, row: map[string]*backend{}, advisory: map[string]*backend{},
		markers: map[apply.Key][]apply.Marker{}, indexes: map[string]*index{}, applied: map[string]int{},
		fates: map[string]apply.Fate{}}
	at.Crash = s.Crash
	return s
}

// backend is the server's side of one connection.
type backend struct {
	s                *Server
	owner            *world.Proc
	pid              int
	started          time.Time
	alive            bool
	orphan           bool // its client is gone
	xid              string
	aborted          bool
	pending          []func() // what COMMIT makes true
	running          bool     // a statement
	nonTransactional bool
	number           int64  // shown in the last Hold
	shown            string // the app and environment of it
	row              string
	lock             string
}

func (s *Server) connect(nonTransactional bool) *backend {
	s.serial++
	b := &backend{s: s, owner: s.w.Current(), pid: 1000 + s.serial, started: s.w.Now(), alive: true,
		nonTransactional: nonTransactional}
	s.backends = append(s.backends, b)
	if b.owner != nil {
		b.owner.AtDeath(b.abandon)
	}
	return b
}

// end terminates a backend: what it had not committed is undone, what it was building stays behind, invalid.
func (b *backend) end() {
	if !b.alive {
		return
	}
	b.alive, b.running, b.pending = false, false, nil
	if b.xid != "" && b.s.fates[b.xid] == apply.InProgress {
		b.s.fates[b.xid] = apply.Aborted
	}
	b.unlock()
	for _, i := range b.s.indexes {
		if i.builder == b {
			i.builder = nil
		}
	}
	for i, o := range b.s.backends {
		if o == b {
			b.s.backends = append(b.s.backends[:i:i], b.s.backends[i+1:]...)
			break
		}
	}
}

func (b *backend) unlock() {
	if b.row != "" {
		delete(b.s.row, b.row)
		b.row = ""
	}
	if b.lock != "" {
		delete(b.s.advisory, b.lock)
		b.lock = ""
	}
}

// abandon is called when the client is gone or its connection broke: the server notices at once, soon, or after a long
// time. A session outside transactions ends only after its statement.
func (b *backend) abandon() {
	if !b.alive || b.orphan {
		return
	}
	b.orphan = true
	if !b.s.w.Running() {
		b.end()
		return
	}
	linger := []time.Duration{0, time.Second, 3 * time.Hour}[b.s.w.Int(3)]
	if linger == 0 && !b.running {
		b.end()
		return
	}
	b.s.w.In(linger, func() {
		if !b.nonTransactional || !b.running {
			b.end()
		}
	})
}

// Crash restarts the server: every backend dies, everything committed stays. Now and then what comes up is a promoted
// standby, which has another timeline, or the server no longer knows what became of old transactions.
func (s *Server) Crash() {
	for len(s.backends) > 0 {
		s.backends[0].end()
	}
	if s.w.Chance(0.15) {
		s.identity.Timeline++
		s.forgot = true
		s.w.Tell("a standby was promoted: timeline %d", s.identity.Timeline)
	}
	if s.w.Chance(0.15) {
		clear(s.fates)
		s.forgot = true
	}
}

// do is one exchange on no particular connection. A server that did not answer is apply.ErrLost.
func (s *Server) do(ctx context.Context, what string, act func() error) error {
	return lost(s.w.Do(ctx, s.place, what, act))
}

func lost(err error) error {
	if errors.Is(err, world.ErrLost) || errors.Is(err, world.ErrDown) {
		return fmt.Errorf("%w: %w", apply.ErrLost, err)
	}
	return err
}

func place(t fence.Ticket) string { return t.App + "/" + t.Environment }

// Identity names the server's history.
func (s *Server) Identity(ctx context.Context) (apply.Identity, error) {
	var id apply.Identity
	err := s.do(ctx, "identity", func() error { id = s.identity; return nil })
	return id, err
}

// Raise stores the number. The transaction that holds the row, and a session outside transactions that holds the lock
// of app and environment without a statement at work, are ended; a statement at work is left to finish.
func (s *Server) Raise(ctx context.Context, t fence.Ticket) error {
	return s.do(ctx, "raise to "+strconv.FormatInt(t.Number, 10), func() error {
		if s.Markerless {
			if b := s.row[theOne]; b != nil {
				b.end()
			}
			if s.fences[place(t)].Number < t.Number {
				s.fences[place(t)] = t
			}
			return nil
		}
		known := s.fences[place(t)]
		if err := t.Check(known); err != nil {
			return err
		}
		if s.place.Full() {
			return world.ErrFull
		}
		if b := s.row[place(t)]; b != nil && b.number < t.Number {
			b.end()
		}
		if b := s.advisory[place(t)]; b != nil && b.number < t.Number && !b.running {
			b.end()
		}
		s.fences[place(t)] = t
		return nil
	})
}

// Markers gives the committed markers of a key.
func (s *Server) Markers(ctx context.Context, k apply.Key) ([]apply.Marker, error) {
	var all []apply.Marker
	err := s.do(ctx, "markers", func() error { all = append(all, s.markers[k]...); return nil })
	if err == nil && s.Markerless {
		return nil, apply.ErrNoMarkers
	}
	return all, err
}

// Fence gives the ticket that is stored, for invariants.
func (s *Server) Fence(app, environment string) fence.Ticket { return s.fences[app+"/"+environment] }

// Applied tells how often a statement's effect was committed, for invariants.
func (s *Server) Applied(sql string) int { return s.applied[sql] }

// Forgot tells whether the server lost what it knew of old transactions, or became another one, for invariants.
func (s *Server) Forgot() bool { return s.forgot }

// Marked gives the committed markers of a key without asking over a connection, for invariants.
func (s *Server) Marked(k apply.Key) []apply.Marker { return s.markers[k] }

// Valid tells whether an index exists and whether it is valid, for invariants.
func (s *Server) Valid(name string) (exists, valid bool) {
	i := s.indexes[name]
	return i != nil, i != nil && i.valid
}

// Break leaves an invalid index, as a backend does that is killed while it builds.
func (s *Server) Break(name string) { s.indexes[name] = &index{} }

func (s *Server) changed(by *world.Proc, what string) {
	if s.Changed != nil {
		s.Changed(by, what)
	}
}
