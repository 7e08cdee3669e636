package engine

import (
	"context"
	"slices"

	"fairlead/internal/chain"
)

// A Ledger is the append-only journal of all runs of one app in one environment: lock, history and record in one.
//
// Obligations of every implementation (ledgertest.Exercise holds them):
//   - Head answers what is durable. Where there is no ledger it gives the zero Head and no error, and creates nothing.
//   - Append is durable when it returns nil. If the head is not after but is the record r.ID itself, it is success (the
//     answer to an earlier attempt was lost). Otherwise it gives chain.ErrOvertaken and nothing was written. An empty
//     after creates the ledger (exclusively: chain.ErrOvertaken when somebody was faster) and r.ID becomes the ledger's
//     id.
//   - Any other error means that it is not known whether r was written; asking Head finds out.
//   - Records gives one run's records, oldest first; an unknown run gives none and no error. An edited, reordered or
//     cut record gives chain.ErrBroken, except a torn last line, which was never answered and is passed over.
//   - Put stores bytes under their SHA-256 (hex), which it returns; storing twice is fine. Blob gives them back,
//     verified; chain.ErrMissing when there are none.
type Ledger interface {
	Head(ctx context.Context) (Head, error)
	Append(ctx context.Context, after chain.Hash, r Record) (chain.Hash, error)
	Records(ctx context.Context, run RunID) ([]Record, error)
	Put(ctx context.Context, blob []byte) (string, error)
	Blob(ctx context.Context, sha256 string) ([]byte, error)
}

// A History lists what happened, for reading commands. Runs gives the newest first, at most limit (0 means all), from
// the index or, where that is stale, from the segments. Lines gives every line of the chain, oldest first, for
// verification.
type History interface {
	Runs(ctx context.Context, limit int) ([]Summary, error)
	Lines(ctx context.Context) ([][]byte, error)
}

// A Head is the end of a ledger: its id (the id of its first record; empty when there is none), the hash of the last
// record, and all records of the last segment, oldest first.
type Head struct {
	Ledger string
	Hash   chain.Hash
	Last   []Record
}

// Open gives the id of the run that is open, or "" when the last one is closed or there is none.
func (h Head) Open() RunID {
	ends := func(r Record) bool { return r.Verdict == Closed || r.Verdict == Manual }
	if len(h.Last) == 0 || slices.ContainsFunc(h.Last, ends) {
		return ""
	}
	return h.Last[0].Run
}

// Fence gives the largest takeover number in the last segment; numbers only grow along a ledger.
func (h Head) Fence() int64 {
	var n int64
	for _, r := range h.Last {
		n = max(n, r.Fence)
	}
	return n
}

// LastID gives the id of the last record.
func (h Head) LastID() string {
	if len(h.Last) == 0 {
		return ""
	}
	return h.Last[len(h.Last)-1].ID
}
