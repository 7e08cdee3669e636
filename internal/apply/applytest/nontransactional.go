package applytest

import (
	"context"
	"testing"
	"time"

	"fairlead/internal/apply"
)

func held(ctx context.Context, t *testing.T, s apply.Server, number int64) apply.NonTransactional {
	t.Helper()
	session, err := s.NonTransactional(ctx)
	must(t, "open a session", err)
	t.Cleanup(func() { _ = session.Close(context.WithoutCancel(ctx)) })
	must(t, "hold", session.Hold(ctx, ticket(number)))
	return session
}

func probed(ctx context.Context, t *testing.T, s Subject, want apply.Effect) {
	t.Helper()
	got, why, err := s.Again(t).Recovery.Probe(ctx, s.Alone)
	must(t, "probe", err)
	if got != want {
		t.Fatalf("the probe finds %d (%s), want %d", got, why, want)
	}
	if why == "" {
		t.Error("the probe does not say what it saw")
	}
}

func nonTransactional(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	probed(ctx, t, s, apply.NotDone)
	session := held(ctx, t, s.Server, 1)
	must(t, "hold again", session.Hold(ctx, ticket(1)))
	must(t, "intent", session.Mark(ctx, key(), marker(0, false)))
	expect(ctx, t, s, 0, 1)
	wantErr(t, "a second intent", session.Mark(ctx, key(), marker(0, false)), apply.ErrMarked)
	must(t, "exec", session.Exec(ctx, apply.Query{SQL: s.Alone.SQL}))
	probed(ctx, t, s, apply.Done)
	must(t, "end", session.Mark(ctx, key(), marker(0, true)))
	expect(ctx, t, s, 0, 2)
}

func fateOfSession(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	session := held(ctx, t, s.Server, 1)
	a, err := session.Attempt(ctx)
	must(t, "attempt", err)
	if a.XID != "" {
		t.Fatalf("a session outside transactions has transaction id %q", a.XID)
	}
	fateIs(ctx, t, s, a, apply.Idle)
	must(t, "close", session.Close(ctx))
	eventually(t, s, "the fate of a closed session to be forgotten", func() bool {
		f, err := s.Recovery.Fate(ctx, a)
		return err == nil && f == apply.Forgotten
	})
}

// eventually waits for what a server does a moment after the answer.
func eventually(t *testing.T, s Subject, what string, so func() bool) {
	t.Helper()
	wait := s.Wait
	if wait == nil {
		wait = time.Sleep
	}
	for range 200 {
		if so() {
			return
		}
		wait(25 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

func oneSession(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	first := held(ctx, t, s.Server, 1)
	second, err := s.Again(t).Server.NonTransactional(ctx)
	must(t, "open a session", err)
	defer second.Close(ctx)
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if second.Hold(short, ticket(1)) == nil {
		t.Fatal("two sessions hold the lock at once")
	}
	must(t, "close", first.Close(ctx))
	held(ctx, t, s.Server, 1)
}

func endsIdleSession(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	old := held(ctx, t, s.Server, 1)
	must(t, "raise over a session", s.Again(t).Server.Raise(ctx, ticket(2)))
	if err := old.Exec(ctx, apply.Query{SQL: s.Alone.SQL}); err == nil {
		t.Error("the old holder could run its statement")
	}
	probed(ctx, t, s, apply.NotDone)
	held(ctx, t, s.Server, 2)
}

func repairs(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	if s.Break == nil {
		return
	}
	s.Break(t)
	probed(ctx, t, s, apply.Halfway)
	remedy, err := s.Recovery.Remedy(ctx, s.Alone)
	must(t, "remedy", err)
	probed(ctx, t, s, apply.Halfway)
	session := held(ctx, t, s.Server, 1)
	for _, sql := range remedy {
		must(t, sql, session.Exec(ctx, apply.Query{SQL: sql}))
	}
	probed(ctx, t, s, apply.NotDone)
	if all, err := s.Recovery.Remedy(ctx, s.Alone); err == nil {
		t.Errorf("there is a remedy for nothing: %q", all)
	}
	must(t, "exec", session.Exec(ctx, apply.Query{SQL: s.Alone.SQL}))
	probed(ctx, t, s, apply.Done)
}
