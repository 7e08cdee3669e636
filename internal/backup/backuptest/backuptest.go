// Package backuptest holds every backup.Store to the obligations of its contract. Start with Exercise.
package backuptest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"fairlead/internal/backup"
)

// Exercise runs the suite; open gives a new, empty store each time.
func Exercise(t *testing.T, open func(t *testing.T) backup.Store) {
	for _, c := range []struct {
		claim string
		check func(context.Context, *testing.T, backup.Store)
	}{
		{"an empty store lists nothing", emptyList},
		{"an object is invisible until it is committed", invisible},
		{"what is read back is what was written", readsBack},
		{"an object is never overwritten", keepsFirst},
		{"of two writers of one name one wins", oneWriter},
		{"an aborted object leaves nothing", aborts},
		{"abort after commit does nothing", abortAfterCommit},
		{"a missing object is missing", missing},
		{"a name that could lead elsewhere is refused", names},
		{"the newest object is listed first", newestFirst},
	} {
		t.Run(c.claim, func(t *testing.T) { c.check(t.Context(), t, open(t)) })
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func written(ctx context.Context, t *testing.T, s backup.Store, name, text string) backup.Partial {
	t.Helper()
	p, err := s.Put(ctx, name)
	must(t, "put", err)
	t.Cleanup(func() { _ = p.Abort() })
	_, err = io.WriteString(p, text)
	must(t, "write", err)
	return p
}

func listed(ctx context.Context, t *testing.T, s backup.Store) []string {
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

func emptyList(ctx context.Context, t *testing.T, s backup.Store) {
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
	if s.Place() == "" {
		t.Error("it does not say where it is")
	}
}

func invisible(ctx context.Context, t *testing.T, s backup.Store) {
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
	if len(all) != 1 || all[0].Name != "r-1.dump" || all[0].Size != 4 || all[0].At.IsZero() {
		t.Errorf("after commit it lists %+v", all)
	}
}

func readsBack(ctx context.Context, t *testing.T, s backup.Store) {
	text := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
	p := written(ctx, t, s, "a", text)
	r, err := p.Reread(ctx)
	if content(t, r, err) != text {
		t.Error("what is reread is not what was written")
	}
	_, err = io.WriteString(p, "more")
	must(t, "write on", err)
	r, err = p.Reread(ctx)
	if content(t, r, err) != text+"more" {
		t.Error("a second rereading is not what was written")
	}
	must(t, "commit", p.Commit(ctx))
	r, err = s.Open(ctx, "a")
	if content(t, r, err) != text+"more" {
		t.Error("the committed object is not what was written")
	}
}

func keepsFirst(ctx context.Context, t *testing.T, s backup.Store) {
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

func oneWriter(ctx context.Context, t *testing.T, s backup.Store) {
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

func aborts(ctx context.Context, t *testing.T, s backup.Store) {
	p := written(ctx, t, s, "a", "text")
	must(t, "abort", p.Abort())
	must(t, "abort again", p.Abort())
	if p.Commit(ctx) == nil {
		t.Error("an aborted object could be committed")
	}
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
	must(t, "commit of another", written(ctx, t, s, "a", "text").Commit(ctx))
}

func abortAfterCommit(ctx context.Context, t *testing.T, s backup.Store) {
	p := written(ctx, t, s, "a", "text")
	must(t, "commit", p.Commit(ctx))
	must(t, "abort", p.Abort())
	r, err := s.Open(ctx, "a")
	if got := content(t, r, err); got != "text" {
		t.Errorf("the object reads %q", got)
	}
}

func missing(ctx context.Context, t *testing.T, s backup.Store) {
	if _, err := s.Open(ctx, "nothing"); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("open gives %v, want ErrMissing", err)
	}
}

func names(ctx context.Context, t *testing.T, s backup.Store) {
	for _, name := range []string{"", ".", "..", "../a", "a/b", ".hidden", "-flag", "a b", "a\x00b", "ä", string(bytes.Repeat([]byte("a"), 300))} {
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

func newestFirst(ctx context.Context, t *testing.T, s backup.Store) {
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
