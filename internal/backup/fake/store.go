// Package fake is a backup store in a seeded world. Test-only. Start with New.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/world"
)

// A Store keeps objects in memory. All operators of a story share it.
type Store struct {
	w       *world.World
	place   *world.Place
	objects []object
}

type object struct {
	backup.Object
	content []byte
}

var _ backup.PrunableStore = (*Store)(nil)

// New makes an empty store.
func New(w *world.World, at *world.Place) *Store { return &Store{w: w, place: at} }

// Ready has no objection.
func (s *Store) Ready(context.Context) error { return nil }

// Location names it.
func (s *Store) Location() string { return "fake store" }

// do is one call over the world's connection, which is down for calls from outside a story too.
func (s *Store) do(ctx context.Context, what string, act func() error) error {
	if s.w.Current() == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.place.Down() {
			return world.ErrDown
		}
	}
	return s.w.Do(ctx, s.place, what, act)
}

func (s *Store) find(name string) int {
	return slices.IndexFunc(s.objects, func(o object) bool { return o.Name == name })
}

// Put begins a partial object.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	if err := backup.CheckName(name); err != nil {
		return nil, err
	}
	err := s.do(ctx, "store "+name, func() error {
		if s.find(name) >= 0 {
			return fmt.Errorf("%s: %w", name, backup.ErrExists)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &partial{s: s, name: name}, nil
}

// Open reads a visible object.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	var r io.ReadCloser
	err := s.do(ctx, "open "+name, func() error {
		i := s.find(name)
		if i < 0 {
			return fmt.Errorf("%s: %w", name, backup.ErrMissing)
		}
		r = io.NopCloser(bytes.NewReader(s.objects[i].content))
		return nil
	})
	return r, err
}

// List gives the visible objects, newest first.
func (s *Store) List(ctx context.Context) ([]backup.Object, error) {
	var all []backup.Object
	err := s.do(ctx, "list", func() error {
		for _, o := range s.objects {
			all = append(all, o.Object)
		}
		return nil
	})
	slices.Reverse(all)
	return all, err
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, name, reason string) error {
	if err := backup.CheckReason(reason); err != nil {
		return err
	}
	return s.do(ctx, "delete "+name, func() error {
		i := s.find(name)
		if i < 0 {
			return fmt.Errorf("%s: %w", name, backup.ErrMissing)
		}
		s.objects = slices.Delete(s.objects, i, i+1)
		return nil
	})
}

// Sweep finds nothing: what nobody committed exists only in its writer.
func (s *Store) Sweep(ctx context.Context, _ time.Time, _ bool) ([]backup.Object, error) {
	return nil, ctx.Err()
}

// partial is an object that nobody sees yet.
type partial struct {
	s    *Store
	name string
	b    bytes.Buffer
	done bool
	gone bool // aborted
	read bool // reread
}

// Write adds to it.
func (p *partial) Write(b []byte) (int, error) {
	if p.read {
		return 0, backup.ErrReread
	}
	if p.s.place.Full() {
		return 0, backup.As(backup.ErrFull, world.ErrFull)
	}
	return p.b.Write(b)
}

// Reread gives what is stored so far.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	p.read = true
	return io.NopCloser(bytes.NewReader(slices.Clone(p.b.Bytes()))), ctx.Err()
}

// Commit makes it visible.
func (p *partial) Commit(ctx context.Context) error {
	return p.s.do(ctx, "commit "+p.name, func() error {
		switch {
		case p.gone:
			return fmt.Errorf("%s was aborted", p.name)
		case p.done:
			return nil
		}
		if p.s.find(p.name) >= 0 {
			return fmt.Errorf("%s: %w", p.name, backup.ErrExists)
		}
		p.done = true
		p.s.objects = append(p.s.objects, object{backup.Object{Name: p.name, Size: int64(p.b.Len()), At: p.s.w.Now()},
			p.b.Bytes()})
		return nil
	})
}

// Abort removes it.
func (p *partial) Abort() error {
	p.gone = !p.done
	return nil
}
