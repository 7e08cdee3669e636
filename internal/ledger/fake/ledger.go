// Package fake is an engine.Ledger in a seeded world: it obeys the contract, keeps the exact lines, and lets a story
// cut its place off, lose answers and fill its disk. Test-only. Start with New.
package fake

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/world"
)

// A Ledger is one ledger at one place. All operators of a story share it.
type Ledger struct {
	w     *world.World
	place *world.Place

	mu      sync.Mutex // for use outside of a world's story, where callers may be many
	lines   [][]byte
	records []engine.Record
	hashes  []chain.Hash
	blobs   map[string][]byte
	damaged bool // somebody has edited the lines
	deaf    bool // the answer to the next Append is lost
	// Written hears of each record that became durable, with its line.
	Written func(r engine.Record, line []byte)
}

var (
	_ engine.Ledger  = (*Ledger)(nil)
	_ engine.History = (*Ledger)(nil)
)

// New makes a ledger that does not exist yet: the first Append creates it.
func New(w *world.World, at *world.Place) *Ledger {
	return &Ledger{w: w, place: at, blobs: map[string][]byte{}}
}

// Head gives what is durable.
func (l *Ledger) Head(ctx context.Context) (engine.Head, error) {
	var h engine.Head
	err := l.w.Do(ctx, l.place, "ledger head", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		var err error
		h, err = l.head()
		return err
	})
	return h, err
}

func (l *Ledger) head() (engine.Head, error) {
	if len(l.lines) == 0 {
		return engine.Head{}, nil
	}
	if err := l.sound(); err != nil {
		return engine.Head{}, err
	}
	from := len(l.records) - 1
	for from > 0 && !begins(l.records[from]) {
		from--
	}
	return engine.Head{Ledger: l.records[0].ID, Hash: l.hashes[len(l.hashes)-1], Last: slices.Clone(l.records[from:])},
		nil
}

func begins(r engine.Record) bool { return r.Verdict == engine.Opened || r.Verdict == engine.Manual }

// sound compares every line with its hash, once somebody has laid hands on them.
func (l *Ledger) sound() error {
	if !l.damaged {
		return nil
	}
	if len(l.lines) != len(l.hashes) {
		return fmt.Errorf("%w: %d lines, there were %d", chain.ErrBroken, len(l.lines), len(l.hashes))
	}
	for i, line := range l.lines {
		if chain.Sum(line) != l.hashes[i] {
			return fmt.Errorf("%w: line %d", chain.ErrBroken, i+1)
		}
	}
	return nil
}

// Damage lets somebody edit the lines behind the ledger's back.
func (l *Ledger) Damage(edit func(lines [][]byte) [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines, l.damaged = edit(slices.Clone(l.lines)), true
}

// LoseAnswer makes the next Append durable and answers it with an error.
func (l *Ledger) LoseAnswer() { l.deaf = true }

// Append compares and appends.
func (l *Ledger) Append(ctx context.Context, after chain.Hash, r engine.Record) (chain.Hash, error) {
	line, err := r.Line()
	if err != nil {
		return "", err
	}
	if len(line) > chain.MaxLine {
		return "", chain.ErrTooLong
	}
	var h chain.Hash
	err = l.w.Do(ctx, l.place, fmt.Sprintf("append %s %s", r.Verdict, r.Step), func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		var err error
		h, err = l.append(after, r, line)
		return err
	})
	if err != nil {
		return "", err
	}
	return h, nil
}

func (l *Ledger) append(after chain.Hash, r engine.Record, line []byte) (chain.Hash, error) {
	var head chain.Hash
	if n := len(l.lines); n > 0 {
		if err := l.sound(); err != nil {
			return "", err
		}
		head = l.hashes[n-1]
		if l.records[n-1].ID == r.ID {
			return head, nil
		}
	}
	if len(l.lines) == 0 && after != "" {
		return "", chain.ErrMissing
	}
	if head != after {
		return "", fmt.Errorf("%w: %s", chain.ErrOvertaken, l.records[len(l.records)-1].Run)
	}
	if r.Prev != after {
		return "", fmt.Errorf("%w: the record names %q as the one before", chain.ErrBroken, r.Prev)
	}
	if l.place.Full() {
		return "", fault.MarkUntouched(fmt.Errorf("append: %w", world.ErrFull))
	}
	l.lines = append(l.lines, line)
	l.records = append(l.records, r)
	l.hashes = append(l.hashes, chain.Sum(line))
	if l.Written != nil {
		l.Written(r, line)
	}
	if l.deaf {
		l.deaf = false
		return "", world.ErrLost
	}
	return chain.Sum(line), nil
}

// Records gives one run's records.
func (l *Ledger) Records(ctx context.Context, run engine.RunID) ([]engine.Record, error) {
	var all []engine.Record
	err := l.w.Do(ctx, l.place, "ledger records", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		all = nil
		if err := l.sound(); err != nil {
			return err
		}
		for _, r := range l.records {
			if r.Run == run {
				all = append(all, r)
			}
		}
		return nil
	})
	return all, err
}

// Put stores a blob.
func (l *Ledger) Put(ctx context.Context, blob []byte) (string, error) {
	name := release.SumDigest(blob).Hex()
	err := l.w.Do(ctx, l.place, "put blob", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.place.Full() {
			return fmt.Errorf("put: %w", world.ErrFull)
		}
		l.blobs[name] = slices.Clone(blob)
		return nil
	})
	return name, err
}

// Blob gives a blob back.
func (l *Ledger) Blob(ctx context.Context, sha256 string) ([]byte, error) {
	var b []byte
	err := l.w.Do(ctx, l.place, "get blob", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		stored, ok := l.blobs[sha256]
		switch {
		case !ok:
			return fmt.Errorf("blob %.12s: %w", sha256, chain.ErrMissing)
		case release.SumDigest(stored).Hex() != sha256:
			return fmt.Errorf("blob %.12s: %w", sha256, chain.ErrBroken)
		}
		b = slices.Clone(stored)
		return nil
	})
	return b, err
}

// Lines gives every line, oldest first.
func (l *Ledger) Lines(ctx context.Context) ([][]byte, error) {
	var all [][]byte
	err := l.w.Do(ctx, l.place, "ledger lines", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		all = slices.Clone(l.lines)
		return l.sound()
	})
	return all, err
}

// All gives every record that is durable, without asking over a connection: for invariants.
func (l *Ledger) All() []engine.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records
}
