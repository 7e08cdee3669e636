package ledgertest

import (
	"errors"
	"testing"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
)

func torn(t *testing.T, p Fixture) {
	if p.Tear == nil {
		t.Skip("this place cannot be torn")
	}
	h := p.Open(t)
	head := story(t, h, 2)
	one := put(t, h, opening(head, "r-3", nil))
	lost := record(one, "r-3", "began", engine.Began, nil)
	put(t, h, lost)
	p.Tear(t)
	h = p.Open(t)
	if got := headIs(t, h, one); len(got.Last) != 1 {
		t.Fatalf("%d records of the last run, want 1", len(got.Last))
	}
	if r, err := h.Records(t.Context(), "r-3"); len(r) != 1 || err != nil {
		t.Fatalf("records: %d, %v; want 1", len(r), err)
	}
	two := put(t, h, lost)
	p.Tear(t)
	next := put(t, h, opening(one, "r-4", nil))
	if _, err := h.Append(t.Context(), two,
		record(two, "r-3", "x", engine.Noted, nil)); !errors.Is(err, chain.ErrOvertaken) {
		t.Errorf("a record after the lost one: %v, want ErrOvertaken", err)
	}
	if n, last, err := verify(t, h); n != 8 || last != next || err != nil {
		t.Errorf("the chain has %d lines up to %s, %v; want 8 up to %s", n, last, err, next)
	}
}

func full(t *testing.T, p Fixture) {
	if p.Fill == nil {
		t.Skip("this place cannot be filled")
	}
	h := p.Open(t)
	one := put(t, h, opening("", "r-1", nil))
	for _, r := range []engine.Record{record(one, "r-1", "began", engine.Began, nil), opening(one, "r-2", nil)} {
		restore := p.Fill(t)
		_, err := h.Append(t.Context(), one, r)
		if err == nil || errors.Is(err, chain.ErrOvertaken) {
			t.Errorf("append %s on a full disk: %v, want an error", r.ID, err)
		}
		headIs(t, p.Open(t), one)
		restore()
		headIs(t, p.Open(t), one)
	}
	two := put(t, h, record(one, "r-1", "began", engine.Began, nil))
	if n, last, err := verify(t, h); n != 2 || last != two || err != nil {
		t.Errorf("the chain has %d lines up to %s, %v; want 2 up to %s", n, last, err, two)
	}
}

func edited(t *testing.T, p Fixture) {
	if p.Edit == nil {
		t.Skip("this place cannot be edited")
	}
	h := p.Open(t)
	head := story(t, h, 3)
	p.Edit(t, 4)
	broken(t, p.Open(t), "an edited record")
	if _, err := p.Open(t).Records(t.Context(), "r-2"); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("records of the edited run: %v, want ErrBroken", err)
	}
	p.Edit(t, 7)
	if _, err := p.Open(t).Head(t.Context()); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("head of an edited last run: %v, want ErrBroken", err)
	}
	if _, err := p.Open(t).Append(t.Context(), head,
		record(head, "r-3", "x", engine.Noted, nil)); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("append behind an edited record: %v, want ErrBroken", err)
	}
}

func swapped(t *testing.T, p Fixture) {
	if p.Swap == nil {
		t.Skip("records here cannot change places")
	}
	story(t, p.Open(t), 3)
	p.Swap(t, 4)
	broken(t, p.Open(t), "records in another order")
}

func cut(t *testing.T, p Fixture) {
	if p.Cut == nil {
		t.Skip("no record can be taken out here")
	}
	story(t, p.Open(t), 3)
	p.Cut(t, 5)
	broken(t, p.Open(t), "a record taken out")
}

// broken fails unless reading the whole chain tells that it was changed.
func broken(t *testing.T, h Handle, what string) {
	t.Helper()
	if n, _, err := verify(t, h); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("%s: verify says %d lines, %v; want ErrBroken", what, n, err)
	}
}

func known(t *testing.T, p Fixture) {
	if p.Insist == nil || p.Lose == nil {
		t.Skip("this place does not know a ledger from elsewhere")
	}
	story(t, p.Open(t), 1)
	p.Lose(t)
	h := p.Insist(t, "r-1/opened")
	footprint := ""
	if p.Footprint != nil {
		footprint = p.Footprint(t)
	}
	if head, err := h.Head(t.Context()); !errors.Is(err, chain.ErrMissing) {
		t.Errorf("head of a lost ledger: %+v, %v; want ErrMissing", head, err)
	}
	if _, err := h.Append(t.Context(), "", opening("", "r-2", nil)); !errors.Is(err, chain.ErrMissing) {
		t.Errorf("a lost ledger begun again: %v, want ErrMissing", err)
	}
	if p.Footprint != nil && p.Footprint(t) != footprint {
		t.Errorf("something was created where the ledger was lost: %s", p.Footprint(t))
	}
}

func otherKnown(t *testing.T, p Fixture) {
	if p.Insist == nil {
		t.Skip("this place does not know a ledger from elsewhere")
	}
	head := story(t, p.Open(t), 1)
	headIs(t, p.Insist(t, "r-1/opened"), head)
	put(t, p.Insist(t, "r-1/opened"), record(head, "r-1", "x", engine.Noted, nil))
	h := p.Insist(t, "r-0/opened")
	if _, err := h.Head(t.Context()); !errors.Is(err, fence.ErrOtherLedger) {
		t.Errorf("head of another ledger: %v, want ErrOtherLedger", err)
	}
	head = headIs(t, p.Open(t), mustHead(t, p)).Hash
	if _, err := h.Append(t.Context(), head,
		record(head, "r-1", "y", engine.Noted, nil)); !errors.Is(err, fence.ErrOtherLedger) {
		t.Errorf("append to another ledger: %v, want ErrOtherLedger", err)
	}
}

// mustHead gives the hash of the head.
func mustHead(t *testing.T, p Fixture) chain.Hash {
	t.Helper()
	head, err := p.Open(t).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head.Hash
}
