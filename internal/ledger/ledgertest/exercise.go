package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// Exercise runs the suite. open gives a new, empty place for each test.
func Exercise(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		claim string
		test  func(t *testing.T, p Fixture)
	}{
		{"answers nothing and creates nothing where there is no ledger", nothing},
		{"gives back what was written", givesBack},
		{"refuses a second writer and says who wrote", secondWriter},
		{"lets exactly one of two writers win each place", race},
		{"takes the same record again when the answer was lost", again},
		{"refuses a record that does not name the one before it", wrongPrev},
		{"refuses to go on where nothing is", goOnNowhere},
		{"refuses a record that is too long", tooLong},
		{"keeps blobs under their hash", blobs},
		{"lists the runs, the newest first", runs},
		{"tells how a run ended that the next one closed", closedByNext},
		{"passes over a torn last line and goes on", torn},
		{"shows no half line when the disk is full", full},
		{"tells an edited record", edited},
		{"tells records in another order", swapped},
		{"tells a record that was taken out", cut},
		{"refuses to begin again where a ledger is known", known},
		{"refuses another ledger than the known one", otherKnown},
	} {
		t.Run(strings.ReplaceAll(c.claim, " ", "_"), func(t *testing.T) { c.test(t, open(t)) })
	}
}

func nothing(t *testing.T, p Fixture) {
	h := p.Open(t)
	footprint := func() string { return "" }
	if p.Footprint != nil {
		footprint = func() string { return p.Footprint(t) }
	}
	before := footprint()
	head, err := h.Head(t.Context())
	if err != nil || head.Ledger != "" || head.Hash != "" || len(head.Last) != 0 {
		t.Errorf("head: %+v, %v; want the zero Head", head, err)
	}
	if r, err := h.Records(t.Context(), "r-1"); len(r) != 0 || err != nil {
		t.Errorf("records: %v, %v; want none", r, err)
	}
	if r, err := h.Runs(t.Context(), 0); len(r) != 0 || err != nil {
		t.Errorf("runs: %v, %v; want none", r, err)
	}
	if n, _, err := verify(t, h); n != 0 || err != nil {
		t.Errorf("lines: %d, %v; want none", n, err)
	}
	if _, err := h.Blob(t.Context(), strings.Repeat("0", 64)); !errors.Is(err, chain.ErrMissing) {
		t.Errorf("blob: %v, want ErrMissing", err)
	}
	if after := footprint(); after != before {
		t.Errorf("reading created something\nbefore %s\nafter  %s", before, after)
	}
	put(t, h, opening("", "r-1", nil))
}

func givesBack(t *testing.T, p Fixture) {
	writer, reader := p.Open(t), p.Open(t)
	head := story(t, writer, 3)
	got := headIs(t, reader, head)
	if got.Ledger != "r-1/opened" || len(got.Last) != 3 || got.Last[0].Run != "r-3" || got.Open() != "" {
		t.Errorf("head: ledger %q, %d records of the last run, open %q", got.Ledger, len(got.Last), got.Open())
	}
	records, err := reader.Records(t.Context(), "r-2")
	if err != nil || len(records) != 3 || records[0].Verdict != engine.Opened || records[2].ID != "r-2/closed" {
		t.Errorf("records of r-2: %+v, %v", records, err)
	}
	if records, err := reader.Records(t.Context(), "r-9"); len(records) != 0 || err != nil {
		t.Errorf("records of an unknown run: %v, %v", records, err)
	}
	if n, last, err := verify(t, reader); n != 9 || last != head || err != nil {
		t.Errorf("the chain has %d lines up to %s, %v; want 9 up to %s", n, last, err, head)
	}
	footprint := p.Footprint
	if footprint == nil {
		return
	}
	before := footprint(t)
	headIs(t, reader, head)
	reader.Runs(t.Context(), 0)
	reader.Lines(t.Context())
	if after := footprint(t); after != before {
		t.Errorf("reading changed something\nbefore %s\nafter  %s", before, after)
	}
}

func secondWriter(t *testing.T, p Fixture) {
	ana, ben := p.Open(t), p.Open(t)
	one := put(t, ana, opening("", "r-1", nil))
	two := put(t, ben, record(one, "r-1", "ben", engine.Noted, nil))
	for name, r := range map[string]engine.Record{
		"a record after the old head":  record(one, "r-1", "ana", engine.Noted, nil),
		"a run opened on the old head": opening(one, "r-2", nil),
		"a ledger made a second time":  opening("", "r-3", nil),
	} {
		_, err := ana.Append(t.Context(), r.Prev, r)
		if !errors.Is(err, chain.ErrOvertaken) {
			t.Errorf("%s: %v, want ErrOvertaken", name, err)
		} else if !strings.Contains(err.Error(), "r-1") {
			t.Errorf("%s: %q does not say who wrote", name, err)
		}
	}
	headIs(t, ana, two)
}

func race(t *testing.T, p Fixture) {
	handles := []Handle{p.Open(t), p.Open(t)}
	var head chain.Hash
	for round := range 20 {
		var all sync.WaitGroup
		hashes, errs := make([]chain.Hash, len(handles)), make([]error, len(handles))
		for i, h := range handles {
			r := record(head, "r-1", fmt.Sprintf("%d-%d", round, i), engine.Noted, nil)
			if round%5 == 0 {
				r = record(head, engine.RunID(fmt.Sprintf("r-%d-%d", round, i)), "opened", engine.Opened,
					engine.Opening{})
			} else {
				r.Run = runOf(t, h)
			}
			all.Go(func() { hashes[i], errs[i] = h.Append(t.Context(), head, r) })
		}
		all.Wait()
		won := 0
		if errs[0] != nil {
			won = 1
		}
		if errs[won] != nil || !errors.Is(errs[1-won], chain.ErrOvertaken) {
			t.Fatalf("round %d: the writers got %v and %v; want one nil and one ErrOvertaken", round, errs[0], errs[1])
		}
		head = hashes[won]
	}
	if n, last, err := verify(t, handles[0]); n != 20 || last != head || err != nil {
		t.Errorf("the chain has %d lines up to %s, %v; want 20 up to %s", n, last, err, head)
	}
}

// runOf gives the run of the last segment.
func runOf(t *testing.T, h Handle) engine.RunID {
	t.Helper()
	head, err := h.Head(t.Context())
	if err != nil || len(head.Last) == 0 {
		t.Fatalf("head: %d records, %v", len(head.Last), err)
	}
	return head.Last[0].Run
}

func again(t *testing.T, p Fixture) {
	h := p.Open(t)
	first := opening("", "r-1", nil)
	one := put(t, h, first)
	if hash, err := h.Append(t.Context(), "", first); hash != one || err != nil {
		t.Fatalf("the first record again: %s, %v; want %s", hash, err, one)
	}
	second := record(one, "r-1", "began", engine.Began, nil)
	two := chain.Hash("")
	if p.LoseAnswer != nil {
		p.LoseAnswer(t)
		if _, err := h.Append(t.Context(), one, second); err == nil || errors.Is(err, chain.ErrOvertaken) {
			t.Fatalf("an append whose answer is lost: %v, want an error of no meaning", err)
		}
		hash, err := h.Append(t.Context(), one, second)
		if err != nil {
			t.Fatalf("the same record after the lost answer: %v", err)
		}
		two = hash
	} else {
		two = put(t, h, second)
	}
	if hash, err := p.Open(t).Append(t.Context(), one, second); hash != two || err != nil {
		t.Fatalf("the second record again, from elsewhere: %s, %v; want %s", hash, err, two)
	}
	if head := headIs(t, h, two); len(head.Last) != 2 {
		t.Errorf("the run has %d records, want 2", len(head.Last))
	}
	put(t, p.Open(t), record(two, "r-1", "other", engine.Noted, nil))
	if _, err := h.Append(t.Context(), one, second); !errors.Is(err, chain.ErrOvertaken) {
		t.Errorf("the second record after a third: %v, want ErrOvertaken", err)
	}
}

func wrongPrev(t *testing.T, p Fixture) {
	h := p.Open(t)
	head := story(t, h, 1)
	r := record(chain.Sum([]byte("elsewhere")), "r-1", "x", engine.Noted, nil)
	if _, err := h.Append(t.Context(), head, r); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("%v, want ErrBroken", err)
	}
	headIs(t, h, head)
}

func goOnNowhere(t *testing.T, p Fixture) {
	h := p.Open(t)
	after := chain.Sum([]byte("elsewhere"))
	if _, err := h.Append(t.Context(), after,
		record(after, "r-1", "x", engine.Noted, nil)); !errors.Is(err, chain.ErrMissing) {
		t.Errorf("%v, want ErrMissing", err)
	}
	headIs(t, h, "")
}

func tooLong(t *testing.T, p Fixture) {
	h := p.Open(t)
	head := story(t, h, 1)
	r := record(head, "r-1", "x", engine.Noted, strings.Repeat("x", chain.MaxLine))
	if _, err := h.Append(t.Context(), head, r); !errors.Is(err, chain.ErrTooLong) {
		t.Errorf("%v, want ErrTooLong", err)
	}
	headIs(t, h, head)
}

func blobs(t *testing.T, p Fixture) {
	h := p.Open(t)
	for _, b := range [][]byte{nil, []byte("select 1"), bytes.Repeat([]byte{0, '\n', 255}, 1<<19)} {
		s := sha256.Sum256(b)
		want := hex.EncodeToString(s[:])
		for range 2 {
			if name, err := h.Put(t.Context(), b); name != want || err != nil {
				t.Fatalf("put %d bytes: %s, %v; want %s", len(b), name, err, want)
			}
		}
		if got, err := p.Open(t).Blob(t.Context(), want); !bytes.Equal(got, b) || err != nil {
			t.Errorf("blob of %d bytes comes back with %d, %v", len(b), len(got), err)
		}
	}
	headIs(t, h, "")
	for _, name := range []string{"", "../lock", strings.Repeat("0", 64)} {
		if _, err := h.Blob(t.Context(), name); !errors.Is(err, chain.ErrMissing) {
			t.Errorf("blob %q: %v, want ErrMissing", name, err)
		}
	}
	story(t, h, 1)
}

func runs(t *testing.T, p Fixture) {
	h := p.Open(t)
	head := story(t, h, 4)
	put(t, h, opening(head, "r-5", nil))
	all, err := h.Runs(t.Context(), 0)
	if err != nil || len(all) != 5 {
		t.Fatalf("%d runs, %v; want 5", len(all), err)
	}
	for i, s := range all {
		if want := engine.RunID(fmt.Sprintf("r-%d", 5-i)); s.Run != want {
			t.Errorf("place %d has run %s, want %s", i, s.Run, want)
		}
	}
	if s := all[0]; s.Outcome != 0 || !s.Closed.IsZero() || s.Step != "" {
		t.Errorf("the open run: %+v", s)
	}
	want := engine.Summary{Run: "r-4", Action: engine.Deploy, Tag: "v1-r-4", Opened: all[1].Opened,
		Closed:  all[1].Closed,
		Outcome: fault.Deployed, Holder: "ana@laptop", Approved: "lea", Step: "migrate", Means: "as asked"}
	if s := all[1]; s != want || s.Closed.IsZero() {
		t.Errorf("the closed run:\ngot  %+v\nwant %+v", s, want)
	}
	if two, err := h.Runs(t.Context(), 2); err != nil || len(two) != 2 || two[1] != all[1] {
		t.Errorf("the newest two: %+v, %v", two, err)
	}
}

func closedByNext(t *testing.T, p Fixture) {
	h := p.Open(t)
	one := put(t, h, opening("", "r-1", nil))
	two := put(t, h, opening(one, "r-2", &engine.Closing{Run: "r-1", Outcome: fault.RolledBack, Means: "old images"}))
	for round := range 2 {
		all, err := h.Runs(t.Context(), 0)
		if err != nil || len(all) != 2+round {
			t.Fatalf("%d runs, %v", len(all), err)
		}
		if s := all[1+round]; s.Run != "r-1" || s.Outcome != fault.RolledBack || s.Closed.IsZero() ||
			s.Means != "old images" {
			t.Errorf("the run that was closed by the next one: %+v", s)
		}
		if round == 0 {
			put(t, h, opening(two, "r-3", nil))
		}
	}
}
