package ledgertest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// record makes a record of a run; its id is made of run and name.
func record(after chain.Hash, run engine.RunID, name string, v engine.Verdict, evidence any) engine.Record {
	r := engine.Record{
		Schema: engine.RecordSchema, Prev: after, ID: string(run) + "/" + name, Run: run, Fence: 1, Verdict: v,
		At: time.Date(2026, 11, 24, 20, 30, 15, 0, time.UTC),
	}
	if v == engine.Began {
		r.Step = "migrate"
	}
	if evidence != nil {
		b, err := json.Marshal(evidence)
		if err != nil {
			panic(err)
		}
		r.Evidence = b
	}
	return r
}

// opening is the first record of a run; closes may be nil.
func opening(after chain.Hash, run engine.RunID, closes *engine.Closing) engine.Record {
	return record(after, run, "opened", engine.Opened, engine.Opening{
		Terms: engine.Terms{Action: engine.Deploy, Tag: "v1-" + string(run), App: "shop",
			Environment: "production"},
		Holder:    engine.Holder{Name: "ana@laptop"},
		Approvals: engine.Approvals{{By: "lea"}},
		Closes:    closes,
	})
}

// closing is the last record of a run.
func closing(after chain.Hash, run engine.RunID) engine.Record {
	return record(after, run, "closed", engine.Closed,
		engine.Closing{Run: run, Outcome: fault.Deployed, Means: "as asked"})
}

// put appends and fails the test when it cannot.
func put(t *testing.T, h Handle, r engine.Record) chain.Hash {
	t.Helper()
	hash, err := h.Append(t.Context(), r.Prev, r)
	if err != nil {
		t.Fatalf("append %s: %v", r.ID, err)
	}
	line, err := r.Line()
	if err != nil {
		t.Fatal(err)
	}
	if want := chain.Sum(line); hash != want {
		t.Fatalf("append %s answers %s, the hash of its line is %s", r.ID, hash, want)
	}
	return hash
}

// story writes runs r-1 to r-n, each opened, begun and closed (3 lines), and gives the head.
func story(t *testing.T, h Handle, runs int) chain.Hash {
	t.Helper()
	var head chain.Hash
	for i := range runs {
		run := engine.RunID(fmt.Sprintf("r-%d", i+1))
		head = put(t, h, opening(head, run, nil))
		head = put(t, h, record(head, run, "began", engine.Began, nil))
		head = put(t, h, closing(head, run))
	}
	return head
}

// headIs fails unless the ledger ends with the hash.
func headIs(t *testing.T, h Handle, want chain.Hash) engine.Head {
	t.Helper()
	head, err := h.Head(t.Context())
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	if head.Hash != want {
		t.Fatalf("the head is %q (%s), want %q", head.Hash, head.LastID(), want)
	}
	return head
}

// verify checks the whole chain.
func verify(t *testing.T, h Handle) (int, chain.Hash, error) {
	t.Helper()
	lines, err := h.Lines(t.Context())
	if err != nil {
		return 0, "", err
	}
	return chain.Verify(func(yield func([]byte, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	})
}
