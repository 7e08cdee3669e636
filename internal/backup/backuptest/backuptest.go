// Package backuptest holds every backup.Store to the obligations of its contract. Start with Exercise.
package backuptest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"fairlead/internal/backup"
)

// Exercise runs the suite; make gives a new, empty place each time. Claims about what a kind of store does not know are
// left out.
func Exercise(t *testing.T, make func(t *testing.T) Fixture) {
	for _, c := range []struct {
		claim string
		check func(context.Context, *testing.T, Fixture)
	}{
		{"an empty store lists nothing", over(emptyList)},
		{"an object is invisible until it is committed", invisible},
		{"what is read back is what was written", over(readsBack)},
		{"an object of several parts is read back as written", severalParts},
		{"an object of no bytes is one", over(empty)},
		{"nothing is written after reading back", over(writesEnd)},
		{"an object is never overwritten", over(keepsFirst)},
		{"of two writers of one name one wins", over(oneWriter)},
		{"of two writers who have verified theirs one wins", verified},
		{"of many writers at the same moment at most one wins", together},
		{"an aborted object leaves nothing", aborts},
		{"abort after commit does nothing", over(abortAfterCommit)},
		{"a missing object is missing", over(missing)},
		{"a name that could lead elsewhere is refused", over(names)},
		{"the newest object is listed first", over(newestFirst)},
		{"what one store commits another one reads", shared},
		{"a deleted object is gone, and only that one", over(deletes)},
		{"nothing is deleted without a reason", over(needsReason)},
		{"a context that ended stops everything", over(ended)},
		{"a writer that dies leaves nothing visible", dies},
		{"a young partial object is not swept", young},
	} {
		t.Run(c.claim, func(t *testing.T) { c.check(t.Context(), t, make(t)) })
	}
	kind := make(t)
	for _, c := range []struct {
		claim   string
		applies bool
		check   func(context.Context, *testing.T, Fixture)
	}{
		{"a cut connection leaves nothing visible", kind.Cut != nil, cut},
		{"a connection cut at commit leaves all or nothing", kind.Cut != nil, cutAtCommit},
		{"a full store is told as that and leaves nothing", kind.Fill != nil, fills},
		{"a changed bit is read as it is stored", kind.Damage != nil, damaged},
	} {
		if c.applies {
			t.Run(c.claim, func(t *testing.T) { c.check(t.Context(), t, make(t)) })
		}
	}
}

// over makes a check of a place of one that needs a store only.
func over(f func(context.Context, *testing.T, Store)) func(context.Context, *testing.T, Fixture) {
	return func(ctx context.Context, t *testing.T, p Fixture) { f(ctx, t, p.Open(t)) }
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func written(ctx context.Context, t *testing.T, s Store, name, text string) backup.Partial {
	t.Helper()
	p, err := s.Put(ctx, name)
	must(t, "put", err)
	t.Cleanup(func() { _ = p.Abort() })
	_, err = io.WriteString(p, text)
	must(t, "write", err)
	return p
}

func listed(ctx context.Context, t *testing.T, s Store) []string {
	t.Helper()
	all, err := s.List(ctx)
	must(t, "list", err)
	var names []string
	for _, o := range all {
		names = append(names, o.Name)
	}
	return names
}

func content(t *testing.T, r io.ReadCloser, err error) string {
	t.Helper()
	must(t, "open", err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, "read", err)
	return string(b)
}

func emptyList(ctx context.Context, t *testing.T, s Store) {
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
	if s.Location() == "" {
		t.Error("it does not say where it is")
	}
}

func invisible(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	p := written(ctx, t, s, "r-1.dump", "text")
	if _, err := s.Open(ctx, "r-1.dump"); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("open before commit gives %v, want ErrMissing", err)
	}
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("before commit it lists %v", got)
	}
	must(t, "commit", p.Commit(ctx))
	all, err := s.List(ctx)
	must(t, "list", err)
	if len(all) != 1 || all[0].Name != "r-1.dump" || all[0].Size != 4 && !at.Sealed || all[0].At.IsZero() {
		t.Errorf("after commit it lists %+v", all)
	}
}

func readsBack(ctx context.Context, t *testing.T, s Store) {
	text := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
	p := written(ctx, t, s, "a", text)
	r, err := p.Reread(ctx)
	if content(t, r, err) != text {
		t.Error("what is reread is not what was written")
	}
	r, err = p.Reread(ctx)
	if content(t, r, err) != text {
		t.Error("a second rereading is not what was written")
	}
	must(t, "commit", p.Commit(ctx))
	r, err = s.Open(ctx, "a")
	if content(t, r, err) != text {
		t.Error("the committed object is not what was written")
	}
}

func keepsFirst(ctx context.Context, t *testing.T, s Store) {
	must(t, "commit", written(ctx, t, s, "a", "first").Commit(ctx))
	if p, err := s.Put(ctx, "a"); !errors.Is(err, backup.ErrExists) {
		if err != nil {
			t.Fatalf("put over an object: got %v, want ErrExists", err)
		}
		if err := p.Commit(ctx); !errors.Is(err, backup.ErrExists) {
			t.Errorf("commit over an object: got %v, want ErrExists", err)
		}
	}
	r, err := s.Open(ctx, "a")
	if got := content(t, r, err); got != "first" {
		t.Errorf("the object reads %q", got)
	}
}

func oneWriter(ctx context.Context, t *testing.T, s Store) {
	a, b := written(ctx, t, s, "a", "one"), written(ctx, t, s, "a", "two")
	must(t, "commit", a.Commit(ctx))
	if err := b.Commit(ctx); !errors.Is(err, backup.ErrExists) {
		t.Errorf("the second commit gives %v, want ErrExists", err)
	}
	must(t, "abort", b.Abort())
	r, err := s.Open(ctx, "a")
	if got := content(t, r, err); got != "one" {
		t.Errorf("the object reads %q, want the first writer's", got)
	}
}

func aborts(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	p := written(ctx, t, s, "a", "text")
	must(t, "abort", p.Abort())
	must(t, "abort again", p.Abort())
	if p.Commit(ctx) == nil {
		t.Error("an aborted object could be committed")
	}
	read := written(ctx, t, s, "b", strings.Repeat("x", at.large()))
	r, err := read.Reread(ctx)
	content(t, r, err)
	must(t, "abort of what was read back", read.Abort())
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
	at.clean(t, "after aborting")
	must(t, "commit of another", written(ctx, t, s, "a", "text").Commit(ctx))
	at.clean(t, "after committing")
}

func abortAfterCommit(ctx context.Context, t *testing.T, s Store) {
	p := written(ctx, t, s, "a", "text")
	must(t, "commit", p.Commit(ctx))
	must(t, "abort", p.Abort())
	r, err := s.Open(ctx, "a")
	if got := content(t, r, err); got != "text" {
		t.Errorf("the object reads %q", got)
	}
}

func missing(ctx context.Context, t *testing.T, s Store) {
	if _, err := s.Open(ctx, "nothing"); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("open gives %v, want ErrMissing", err)
	}
}

func names(ctx context.Context, t *testing.T, s Store) {
	for _, name := range []string{"", ".", "..", "../a", "a/b", ".hidden", "-flag", "a b", "a\x00b", "ä",
		string(bytes.Repeat([]byte("a"), 300))} {
		if p, err := s.Put(ctx, name); err == nil {
			_ = p.Abort()
			t.Errorf("the name %q was taken", name)
		}
		if r, err := s.Open(ctx, name); err == nil {
			_ = r.Close()
			t.Errorf("the name %q was opened", name)
		}
	}
}

func newestFirst(ctx context.Context, t *testing.T, s Store) {
	for _, name := range []string{"r-1", "r-2", "r-3"} {
		must(t, "commit", written(ctx, t, s, name, name).Commit(ctx))
	}
	all, err := s.List(ctx)
	must(t, "list", err)
	for i := 1; i < len(all); i++ {
		if all[i].At.After(all[i-1].At) {
			t.Errorf("%s stands after the older %s", all[i].Name, all[i-1].Name)
		}
	}
	if len(all) != 3 {
		t.Errorf("it lists %v", all)
	}
}
