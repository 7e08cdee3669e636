package backuptest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"fairlead/internal/backup"
)

// noise is content that no compression makes small, the same each time.
func noise(n int) string {
	b := make([]byte, n)
	r := rand.NewChaCha8(sha256.Sum256([]byte("backuptest")))
	_, _ = r.Read(b)
	return string(b)
}

func severalParts(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	text := noise(at.large())
	p := written(ctx, t, s, "a", text)
	r, err := p.Reread(ctx)
	if content(t, r, err) != text {
		t.Error("what is reread is not what was written")
	}
	must(t, "commit", p.Commit(ctx))
	r, err = s.Open(ctx, "a")
	if content(t, r, err) != text {
		t.Error("the committed object is not what was written")
	}
	all, err := s.List(ctx)
	must(t, "list", err)
	if len(all) != 1 {
		t.Errorf("it lists %+v", all)
	}
	at.clean(t, "after committing")
}

func empty(ctx context.Context, t *testing.T, s Store) {
	p := written(ctx, t, s, "a", "")
	r, err := p.Reread(ctx)
	if got := content(t, r, err); got != "" {
		t.Errorf("it is reread as %q", got)
	}
	must(t, "commit", p.Commit(ctx))
	r, err = s.Open(ctx, "a")
	if got := content(t, r, err); got != "" {
		t.Errorf("it reads %q", got)
	}
}

func writesEnd(ctx context.Context, t *testing.T, s Store) {
	p := written(ctx, t, s, "a", "text")
	r, err := p.Reread(ctx)
	content(t, r, err)
	if _, err := io.WriteString(p, "more"); !errors.Is(err, backup.ErrReread) {
		t.Errorf("writing after reading back gives %v, want ErrReread", err)
	}
	must(t, "commit", p.Commit(ctx))
	r, err = s.Open(ctx, "a")
	if got := content(t, r, err); got != "text" {
		t.Errorf("it reads %q", got)
	}
}

func together(ctx context.Context, t *testing.T, at Fixture) {
	for round := range 3 {
		name := fmt.Sprintf("r-%d", round)
		errs := raced(ctx, t, at, name)
		var won []int
		for i, err := range errs {
			switch {
			case err == nil:
				won = append(won, i)
			case !errors.Is(err, backup.ErrExists):
				t.Errorf("writer %d: %v, want ErrExists", i, err)
			}
		}
		if len(won) > 1 || len(won) == 0 && !at.Weak {
			t.Fatalf("%d writers of %s won, want one", len(won), name)
		}
		s := at.Open(t)
		if len(won) == 0 {
			must(t, "commit after all lost", written(ctx, t, s, name, "later").Commit(ctx))
			continue
		}
		r, err := s.Open(ctx, name)
		if got, want := content(t, r, err), body(won[0]); got != want {
			t.Errorf("the object holds %.20q…, want that of the winner %d", got, won[0])
		}
	}
	at.clean(t, "after the race")
}

func body(i int) string { return fmt.Sprintf("writer %d: %s", i, noise(1000*(i+1))) }

// verified is oneWriter of two that have both read back what they wrote.
func verified(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	a, b := written(ctx, t, s, "a", "one"), written(ctx, t, s, "a", "two")
	for _, p := range []backup.Partial{a, b} {
		r, err := p.Reread(ctx)
		content(t, r, err)
	}
	if err := a.Commit(ctx); at.Weak {
		if !errors.Is(err, backup.ErrExists) {
			t.Errorf("the first commit gives %v, while somebody else is as far: want ErrExists", err)
		}
		must(t, "abort of the other", b.Abort())
		must(t, "commit once the other has given up", a.Commit(ctx))
	} else {
		must(t, "commit", err)
		if err := b.Commit(ctx); !errors.Is(err, backup.ErrExists) {
			t.Errorf("the second commit gives %v, want ErrExists", err)
		}
		must(t, "abort", b.Abort())
	}
	r, err := s.Open(ctx, "a")
	if got := content(t, r, err); got != "one" {
		t.Errorf("the object reads %q, want the first writer's", got)
	}
	at.clean(t, "after both")
}

func raced(ctx context.Context, t *testing.T, at Fixture, name string) []error {
	errs := make([]error, 6)
	var partials []backup.Partial
	for i := range errs {
		p := written(ctx, t, at.Open(t), name, body(i))
		if i%2 == 0 { // half of them have verified what they wrote
			r, err := p.Reread(ctx)
			content(t, r, err)
		}
		partials = append(partials, p)
	}
	var all sync.WaitGroup
	start := make(chan struct{})
	for i, p := range partials {
		act := func() {
			if errs[i] = p.Commit(ctx); errs[i] != nil {
				_ = p.Abort()
			}
		}
		if at.Single {
			act()
			continue
		}
		all.Go(func() { <-start; act() })
	}
	close(start)
	all.Wait()
	return errs
}

func shared(ctx context.Context, t *testing.T, at Fixture) {
	must(t, "commit", written(ctx, t, at.Open(t), "a", "text").Commit(ctx))
	r, err := at.Open(t).Open(ctx, "a")
	if got := content(t, r, err); got != "text" {
		t.Errorf("another store reads %q", got)
	}
}

func deletes(ctx context.Context, t *testing.T, s Store) {
	for _, name := range []string{"a", "a.json", "ab"} {
		must(t, "commit", written(ctx, t, s, name, name).Commit(ctx))
	}
	must(t, "delete", s.Delete(ctx, "a", "it is old"))
	if _, err := s.Open(ctx, "a"); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("after deleting, open gives %v, want ErrMissing", err)
	}
	got := listed(ctx, t, s)
	slices.Sort(got)
	if !slices.Equal(got, []string{"a.json", "ab"}) {
		t.Errorf("there remain %v", got)
	}
	for _, name := range []string{"a", "nothing", "", "..", "../a", "ab/"} {
		if err := s.Delete(ctx, name, "it is old"); !errors.Is(err, backup.ErrMissing) {
			t.Errorf("deleting %q gives %v, want ErrMissing", name, err)
		}
	}
	must(t, "commit under the name of what was deleted", written(ctx, t, s, "a", "new").Commit(ctx))
}

func needsReason(ctx context.Context, t *testing.T, s Store) {
	must(t, "commit", written(ctx, t, s, "a", "text").Commit(ctx))
	if err := s.Delete(ctx, "a", " "); !errors.Is(err, backup.ErrReason) {
		t.Errorf("got %v, want ErrReason", err)
	}
	if got := listed(ctx, t, s); len(got) != 1 {
		t.Errorf("it lists %v", got)
	}
}

func ended(ctx context.Context, t *testing.T, s Store) {
	p := written(ctx, t, s, "a", "text")
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Put(over, "b"); err == nil {
		t.Error("an object was begun")
	}
	if err := p.Commit(over); err == nil {
		t.Error("an object was committed")
	}
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
}

func dies(ctx context.Context, t *testing.T, at Fixture) {
	p := written(ctx, t, at.Open(t), "a", noise(at.large()))
	other := at.Open(t)
	if got := listed(ctx, t, other); len(got) != 0 {
		t.Errorf("another store lists %v", got)
	}
	if _, err := other.Open(ctx, "a"); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("another store opens it: %v, want ErrMissing", err)
	}
	must(t, "commit of another process", written(ctx, t, other, "a", "text").Commit(ctx))
	r, err := other.Open(ctx, "a")
	if got := content(t, r, err); got != "text" {
		t.Errorf("it reads %q", got)
	}
	must(t, "abort", p.Abort())
}

func young(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	p := written(ctx, t, s, "a", noise(at.large()))
	swept, err := at.Open(t).Sweep(ctx, time.Now().Add(-time.Hour), false)
	if err != nil || len(swept) != 0 {
		t.Errorf("swept %v (error %v)", swept, err)
	}
	must(t, "commit", p.Commit(ctx))
}

func cut(ctx context.Context, t *testing.T, at Fixture) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s := at.Open(t)
	p := written(ctx, t, s, "a", noise(at.large()))
	mend := at.Cut(t)
	_, err := io.WriteString(p, noise(at.large()))
	if err == nil {
		err = p.Commit(ctx)
	}
	if err == nil {
		t.Error("neither writing nor committing says that the connection is cut")
	}
	mend()
	_ = p.Abort()
	after(ctx, t, at)
}

// after holds that nothing of "a" is there, and that it can be written now.
func after(ctx context.Context, t *testing.T, at Fixture) {
	t.Helper()
	s := at.Open(t)
	if got := listed(ctx, t, s); len(got) != 0 {
		t.Errorf("it lists %v", got)
	}
	at.clean(t, "after the failure")
	must(t, "commit afterwards", written(ctx, t, s, "a", "text").Commit(ctx))
	r, err := s.Open(ctx, "a")
	if got := content(t, r, err); got != "text" {
		t.Errorf("it reads %.40q", got)
	}
}

func cutAtCommit(ctx context.Context, t *testing.T, at Fixture) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	text := noise(at.large())
	p := written(ctx, t, at.Open(t), "a", text)
	r, err := p.Reread(ctx)
	content(t, r, err)
	mend := at.Cut(t)
	if p.Commit(ctx) == nil {
		t.Error("commit does not say that the connection is cut")
	}
	mend()
	_ = p.Abort()
	after(ctx, t, at)
}

func fills(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	must(t, "commit", written(ctx, t, s, "before", "text").Commit(ctx))
	p := written(ctx, t, s, "a", "begun")
	free := at.Fill(t)
	_, err := io.WriteString(p, noise(at.large()))
	if err == nil {
		err = p.Commit(ctx)
	}
	if !errors.Is(err, backup.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	_ = p.Abort()
	if got := listed(ctx, t, s); !slices.Equal(got, []string{"before"}) {
		t.Errorf("it lists %v", got)
	}
	free()
	at.clean(t, "after the failure")
	must(t, "commit afterwards", written(ctx, t, s, "a", "text").Commit(ctx))
}

func damaged(ctx context.Context, t *testing.T, at Fixture) {
	s := at.Open(t)
	text := noise(5000)
	must(t, "commit", written(ctx, t, s, "a", text).Commit(ctx))
	at.Damage(t, "a")
	r, err := s.Open(ctx, "a")
	if err != nil {
		return
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err == nil && string(b) == text {
		t.Error("the object reads as it was written: it did not come from the store")
	}
}
