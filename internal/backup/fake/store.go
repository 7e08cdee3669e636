// Package fake is a backup store in a seeded world. Test-only. Start with New.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

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

var _ backup.Store = (*Store)(nil)

// New makes an empty store.
func New(w *world.World, at *world.Place) *Store { return &Store{w: w, place: at} }

// Ready has no objection.
func (s *Store) Ready(context.Context) error { return nil }

// Place names it.
func (s *Store) Place() string { return "fake store" }

func (s *Store) find(name string) int {
	return slices.IndexFunc(s.objects, func(o object) bool { return o.Name == name })
}

// isName takes letters, digits, dots and dashes, not beginning with either of these.
func isName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return name != "" && len(name) <= 200 && strings.ContainsRune(letters, rune(name[0])) && strings.Trim(name, letters+".-_") == ""
}

// Put begins a partial object.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	if !isName(name) {
		return nil, fmt.Errorf("%.64q is no name for a backup", name)
	}
	err := s.w.Do(ctx, s.place, "store "+name, func() error {
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
	err := s.w.Do(ctx, s.place, "open "+name, func() error {
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
	err := s.w.Do(ctx, s.place, "list", func() error {
		for _, o := range s.objects {
			all = append(all, o.Object)
		}
		return nil
	})
	slices.Reverse(all)
	return all, err
}

// partial is an object that nobody sees yet.
type partial struct {
	s    *Store
	name string
	b    bytes.Buffer
	done bool
	gone bool // aborted
}

// Write adds to it.
func (p *partial) Write(b []byte) (int, error) {
	if p.s.place.Full() {
		return 0, world.ErrFull
	}
	return p.b.Write(b)
}

// Reread gives what is stored so far.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(slices.Clone(p.b.Bytes()))), ctx.Err()
}

// Commit makes it visible.
func (p *partial) Commit(ctx context.Context) error {
	return p.s.w.Do(ctx, p.s.place, "commit "+p.name, func() error {
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
		p.s.objects = append(p.s.objects, object{backup.Object{Name: p.name, Size: int64(p.b.Len()), At: p.s.w.Now()}, p.b.Bytes()})
		return nil
	})
}

// Abort removes it.
func (p *partial) Abort() error {
	p.gone = !p.done
	return nil
}
