package applytest

import (
	"context"
	"errors"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
)

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

func raised(ctx context.Context, t *testing.T, s Subject, number int64) {
	t.Helper()
	must(t, "raise", s.Server.Raise(ctx, ticket(number)))
}

func begun(ctx context.Context, t *testing.T, s apply.Server) apply.Tx {
	t.Helper()
	tx, err := s.Begin(ctx)
	must(t, "begin", err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(ctx)) })
	return tx
}

// filled opens a transaction that holds the row, has its marker and one effect.
func filled(ctx context.Context, t *testing.T, s Subject, number int64) apply.Tx {
	t.Helper()
	tx := begun(ctx, t, s.Server)
	must(t, "hold", tx.Hold(ctx, ticket(number)))
	must(t, "mark", tx.Mark(ctx, key(), marker(0, true)))
	must(t, "exec", tx.Exec(ctx, apply.Query{SQL: s.Effect}))
	return tx
}

func expect(ctx context.Context, t *testing.T, s Subject, effects, markers int) {
	t.Helper()
	if got := s.Effects(t); got != effects {
		t.Errorf("the effect is in place %d times, want %d", got, effects)
	}
	all, err := s.Server.Markers(ctx, key())
	must(t, "markers", err)
	if len(all) != markers {
		t.Errorf("there are %d markers, want %d: %+v", len(all), markers, all)
	}
}

func noMarkers(ctx context.Context, t *testing.T, s Subject) { expect(ctx, t, s, 0, 0) }

func commits(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	must(t, "commit", filled(ctx, t, s, 1).Commit(ctx))
	expect(ctx, t, s, 1, 1)
	all, err := s.Server.Markers(ctx, key())
	must(t, "markers", err)
	got := all[0]
	if got.At.IsZero() {
		t.Error("the marker has no time")
	}
	got.At = marker(0, true).At
	if got != marker(0, true) {
		t.Errorf("the marker reads %+v, want %+v", got, marker(0, true))
	}
	other := key()
	other.Environment = "staging"
	if all, err := s.Server.Markers(ctx, other); err != nil || len(all) != 0 {
		t.Errorf("another environment has markers %v (error %v), want none", all, err)
	}
}

func rollsBack(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	must(t, "rollback", filled(ctx, t, s, 1).Rollback(ctx))
	expect(ctx, t, s, 0, 0)
}

func rollbackAfterCommit(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	tx := filled(ctx, t, s, 1)
	must(t, "commit", tx.Commit(ctx))
	must(t, "rollback after commit", tx.Rollback(ctx))
	expect(ctx, t, s, 1, 1)
}

func marksOnce(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	must(t, "commit", filled(ctx, t, s, 1).Commit(ctx))
	tx := begun(ctx, t, s.Server)
	must(t, "hold", tx.Hold(ctx, ticket(1)))
	wantErr(t, "second marker", tx.Mark(ctx, key(), marker(0, true)), apply.ErrMarked)
	must(t, "rollback", tx.Rollback(ctx))
	tx = begun(ctx, t, s.Server)
	must(t, "hold", tx.Hold(ctx, ticket(1)))
	must(t, "marker of another unit", tx.Mark(ctx, key(), marker(1, true)))
	must(t, "commit", tx.Commit(ctx))
	expect(ctx, t, s, 1, 2)
}

func rollbackInDisguise(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	tx := filled(ctx, t, s, 1)
	wantErr(t, "refused statement", tx.Exec(ctx, apply.Query{SQL: s.Refused}), apply.ErrStatement)
	wantErr(t, "commit", tx.Commit(ctx), apply.ErrStatement)
	expect(ctx, t, s, 0, 0)
}

func overtaken(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 2)
	err := s.Server.Raise(ctx, ticket(1))
	wantErr(t, "raise a smaller number", err, fence.ErrOvertaken)
	var by *fence.Overtaken
	if !errors.As(err, &by) || by.By.Run != "r-two" || by.By.Number != 2 {
		t.Errorf("the error names %+v, want run r-two with number 2", by)
	}
	wantErr(t, "hold with a smaller number", begun(ctx, t, s.Server).Hold(ctx, ticket(1)), fence.ErrOvertaken)
	session, err := s.Server.NonTransactional(ctx)
	must(t, "open a session", err)
	defer session.Close(ctx)
	wantErr(t, "hold a session with a smaller number", session.Hold(ctx, ticket(1)), fence.ErrOvertaken)
	if session.Mark(ctx, key(), marker(0, false)) == nil {
		t.Error("a marker with a smaller number was committed")
	}
	expect(ctx, t, s, 0, 0)
}

func otherLedger(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	other := ticket(3)
	other.Ledger = "ledger-b"
	wantErr(t, "raise", s.Server.Raise(ctx, other), fence.ErrOtherLedger)
	wantErr(t, "hold", begun(ctx, t, s.Server).Hold(ctx, other), fence.ErrOtherLedger)
}

func raisesTwice(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	raised(ctx, t, s, 1)
	must(t, "commit", filled(ctx, t, s, 1).Commit(ctx))
	expect(ctx, t, s, 1, 1)
}

func endsHolder(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	old := filled(ctx, t, s, 1)
	must(t, "raise over a holder", s.Again(t).Server.Raise(ctx, ticket(2)))
	if err := old.Commit(ctx); err == nil {
		t.Error("the old holder could commit")
	}
	expect(ctx, t, s, 0, 0)
	must(t, "commit of the new holder", filled(ctx, t, s, 2).Commit(ctx))
	expect(ctx, t, s, 1, 1)
}

func fates(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	tx := filled(ctx, t, s, 1)
	a, err := tx.Attempt(ctx)
	must(t, "attempt", err)
	if a.XID == "" || a.PID == 0 || a.Started.IsZero() || a.Identity.System == "" {
		t.Fatalf("the attempt lacks facts: %+v", a)
	}
	fateIs(ctx, t, s, a, apply.InProgress)
	must(t, "commit", tx.Commit(ctx))
	fateIs(ctx, t, s, a, apply.Committed)
	tx = begun(ctx, t, s.Server)
	b, err := tx.Attempt(ctx)
	must(t, "attempt", err)
	must(t, "rollback", tx.Rollback(ctx))
	fateIs(ctx, t, s, b, apply.Aborted)
}

func fateIs(ctx context.Context, t *testing.T, s Subject, a apply.Attempt, want apply.Fate) {
	t.Helper()
	got, err := s.Again(t).Recovery.Fate(ctx, a)
	must(t, "fate", err)
	if got != want {
		t.Fatalf("the fate is %d, want %d", got, want)
	}
}

func endsTransaction(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	tx := filled(ctx, t, s, 1)
	a, err := tx.Attempt(ctx)
	must(t, "attempt", err)
	must(t, "end", s.Again(t).Recovery.End(ctx, a))
	fateIs(ctx, t, s, a, apply.Aborted)
	wantErr(t, "commit of an ended transaction", tx.Commit(ctx), apply.ErrLost)
	expect(ctx, t, s, 0, 0)
}

func endsNothing(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	tx := begun(ctx, t, s.Server)
	a, err := tx.Attempt(ctx)
	must(t, "attempt", err)
	must(t, "rollback", tx.Rollback(ctx))
	must(t, "end what is gone", s.Recovery.End(ctx, a))

	living := begun(ctx, t, s.Server)
	b, err := living.Attempt(ctx)
	must(t, "attempt", err)
	b.Started = b.Started.Add(-patience)
	must(t, "end an earlier backend of the same pid", s.Recovery.End(ctx, b))
	if err := living.Hold(ctx, ticket(1)); err != nil {
		t.Errorf("a later backend of the same pid was ended: %v", err)
	}
}

func oneIdentity(ctx context.Context, t *testing.T, s Subject) {
	raised(ctx, t, s, 1)
	here, err := s.Server.Identity(ctx)
	must(t, "identity", err)
	there, err := s.Again(t).Server.Identity(ctx)
	must(t, "identity", err)
	a, err := begun(ctx, t, s.Server).Attempt(ctx)
	must(t, "attempt", err)
	if here != there || here != a.Identity || here.System == "" {
		t.Errorf("three ways to the identity disagree: %+v, %+v, %+v", here, there, a.Identity)
	}
}
