package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/fence"
)

// The kinds of the records that the engine itself writes.
const (
	OpeningKind  Kind = "run-opened/1"
	TakeoverKind Kind = "run-taken/1"
	ClosingKind  Kind = "run-closed/1"
)

// An append whose answer is lost is repeated with the same id: appendTries times with appendPause between.
const (
	appendTries = 5
	appendPause = time.Second
)

// writer appends the records of one holder of one run.
type writer struct {
	engine *Engine
	run    RunID
	fence  int64
	ledger string
	head   chain.Hash
	// the ids of records of ours of which it is not known whether they were written, or may still be
	doubts []string
}

// writer writes a run behind a head, under the next takeover number.
func (e *Engine) writer(head Head, run RunID) *writer {
	return &writer{engine: e, run: run, fence: head.Fence() + 1, ledger: head.Ledger, head: head.Hash}
}

// follow gives the writer of a run that stands right behind what w has written, so that nobody can have come in
// between.
func (w *writer) follow(run RunID) *writer {
	return &writer{engine: w.engine, run: run, fence: w.fence + 1, ledger: w.ledger, head: w.head}
}

// append writes r durably. It fills in everything that identifies the record. fence.ErrOvertaken says that somebody
// else has written.
func (w *writer) append(ctx context.Context, r Record) (Record, error) {
	r.Schema, r.Prev, r.ID, r.At = RecordSchema, w.head, w.engine.NewID(), w.engine.Now().UTC()
	r.Run, r.Fence = w.run, w.fence
	for n := 1; ; n++ {
		hash, err := w.engine.Ledger.Append(ctx, w.head, r)
		if err == nil {
			w.head = hash
			if w.ledger == "" {
				w.ledger = r.ID
			}
			return r, nil
		}
		if errors.Is(err, chain.ErrOvertaken) {
			mine, herr := w.arrivedLate(ctx)
			if herr != nil {
				return r, fmt.Errorf("write into the ledger: %w", herr)
			}
			if mine {
				r.Prev = w.head
				continue
			}
			return r, w.overtaken(ctx)
		}
		if n == appendTries || isFinal(err) {
			w.doubts = append(w.doubts, r.ID)
			return r, fmt.Errorf("write into the ledger: %w", err)
		}
		if err := w.engine.Pause(ctx, appendPause); err != nil {
			w.doubts = append(w.doubts, r.ID)
			return r, err
		}
	}
}

// arrivedLate tells whether what stands at the end of the ledger is a record of our own, given up for lost, that
// arrived after all. It is an error when that cannot be asked: then nobody may be accused of a takeover.
func (w *writer) arrivedLate(ctx context.Context) (bool, error) {
	if len(w.doubts) == 0 {
		return false, nil
	}
	head, err := w.engine.Ledger.Head(context.WithoutCancel(ctx))
	if err != nil || !slices.Contains(w.doubts, head.LastID()) {
		return false, err
	}
	w.head, w.ledger, w.doubts = head.Hash, head.Ledger, nil
	return true, nil
}

// isFinal tells whether trying again is of no use.
func isFinal(err error) bool {
	return errors.Is(err, chain.ErrBroken) || errors.Is(err, chain.ErrMissing) || errors.Is(err, chain.ErrTooLong)
}

// overtaken finds out who has written.
func (w *writer) overtaken(ctx context.Context) error {
	by := fence.Ticket{Holder: "not known"}
	if head, err := w.engine.Ledger.Head(context.WithoutCancel(ctx)); err == nil && len(head.Last) > 0 {
		by = fence.Ticket{Ledger: head.Ledger, Run: string(head.Last[0].Run), Number: head.Fence(),
			Holder: HolderOf(head.Last).Name}
	}
	return &fence.Overtaken{By: by}
}

func (w *writer) ticket(t Terms) fence.Ticket {
	return fence.Ticket{App: t.App, Environment: t.Environment, Ledger: w.ledger, Run: string(w.run), Number: w.fence,
		Holder: w.engine.Holder.Name}
}

// encode is for our own plain structs, which always are JSON.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func decode[T any](r Record) (T, error) {
	var v T
	if err := json.Unmarshal(r.Evidence, &v); err != nil {
		return v, fmt.Errorf("%w: record %s: %w", chain.ErrBroken, r.ID, err)
	}
	return v, nil
}
