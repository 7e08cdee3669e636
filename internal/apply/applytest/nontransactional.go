package applytest

import (
	"context"
	"testing"
	"time"

	"fairlead/internal/apply"
)

func held(ctx context.Context, t *testing.T, s apply.Server, number int64) apply.Solo {
	t.Helper()
	solo, err := s.Solo(ctx)
	must(t, "solo", err)
	t.Cleanup(func() { _ = solo.Close(context.WithoutCancel(ctx)) })
	must(t, "hold", solo.Hold(ctx, ticket(number)))
	return solo
}

func probed(ctx context.Context, t *testing.T, s Subject, want apply.Found) {
	t.Helper()
	got, why, err := s.Again(t).Court.Probe(ctx, s.Alone)
	must(t, "probe", err)
	if got != want {
		t.Fatalf("the probe finds %d (%s), want %d", got, why, want)
	}
	if why == "" {
		t.Error("the probe does not say what it saw")
	}
}

func alone(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	probed(ctx, t, s, apply.NotDone)
	solo := held(ctx, t, s.Server, 1)
	must(t, "hold again", solo.Hold(ctx, ticket(1)))
	must(t, "intent", solo.Mark(ctx, key(), marker(0, false)))
	expect(ctx, t, s, 0, 1)
	wantErr(t, "a second intent", solo.Mark(ctx, key(), marker(0, false)), apply.ErrMarked)
	must(t, "exec", solo.Exec(ctx, apply.Query{SQL: s.Alone.SQL}))
	probed(ctx, t, s, apply.Done)
	must(t, "end", solo.Mark(ctx, key(), marker(0, true)))
	expect(ctx, t, s, 0, 2)
}

func fateOfSession(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	solo := held(ctx, t, s.Server, 1)
	a, err := solo.Attempt(ctx)
	must(t, "attempt", err)
	if a.XID != "" {
		t.Fatalf("a session outside transactions has transaction id %q", a.XID)
	}
	fateIs(ctx, t, s, a, apply.Idle)
	must(t, "close", solo.Close(ctx))
	eventually(t, s, "the fate of a closed session to be forgotten", func() bool {
		f, err := s.Court.Fate(ctx, a)
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
	second, err := s.Again(t).Server.Solo(ctx)
	must(t, "solo", err)
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
	remedy, err := s.Court.Remedy(ctx, s.Alone)
	must(t, "remedy", err)
	probed(ctx, t, s, apply.Halfway)
	solo := held(ctx, t, s.Server, 1)
	for _, sql := range remedy {
		must(t, sql, solo.Exec(ctx, apply.Query{SQL: sql}))
	}
	probed(ctx, t, s, apply.NotDone)
	if all, err := s.Court.Remedy(ctx, s.Alone); err == nil {
		t.Errorf("there is a remedy for nothing: %q", all)
	}
	must(t, "exec", solo.Exec(ctx, apply.Query{SQL: s.Alone.SQL}))
	probed(ctx, t, s, apply.Done)
}
