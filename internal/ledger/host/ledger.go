// Package host keeps a ledger on the first host of a target, through the agent there. The agent does the work (flock,
// fsync, hashes); this package carries lines to it and back, unchanged. It shares its connection with the target. Start
// with New.
package host

import (
	"context"
	"errors"
	"fmt"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// A Ledger is the ledger of one app in one environment, on a host. It is safe for use by several goroutines.
type Ledger struct {
	host  *host.Host
	place wire.Place
}

var (
	_ engine.Ledger  = Ledger{}
	_ engine.History = Ledger{}
)

// New names the ledger of a place on a host. It touches nothing.
func New(h *host.Host, place wire.Place) Ledger { return Ledger{h, place} }

// Expecting gives the ledger for a caller who knows its id from elsewhere (another host, the database). Where there is
// no ledger, everything but reading blobs and single runs then answers chain.ErrMissing; where there is another one,
// fence.ErrOtherLedger.
func (l Ledger) Expecting(id string) Ledger {
	l.place.Expect = id
	return l
}

// Head gives the end of the ledger. chain.ErrMissing or fence.ErrOtherLedger when the host knows another state.
func (l Ledger) Head(ctx context.Context) (engine.Head, error) {
	h, err := read(ctx, l, false, wire.OpLedgerHead, l.place, func(d *chain.Dir) (wire.LedgerHead, error) {
		id, hash, last, err := d.Head()
		return wire.LedgerHead{ID: id, Hash: string(hash), Last: last}, err
	})
	if err != nil {
		return engine.Head{}, l.fail("read", err)
	}
	last, err := engine.ParseRecords(h.Last)
	if err != nil {
		return engine.Head{}, l.fail("read", err)
	}
	return engine.Head{Ledger: h.ID, Hash: chain.Hash(h.Hash), Last: last}, nil
}

// Append writes a record behind the one whose hash is after; see engine.Ledger.
func (l Ledger) Append(ctx context.Context, after chain.Hash, r engine.Record) (chain.Hash, error) {
	line, err := r.Line()
	if err != nil {
		return "", err
	}
	if len(line) > chain.MaxLine {
		return "", chain.ErrTooLong
	}
	out, err := host.Call[wire.LedgerHash](ctx, l.host, wire.OpLedgerAppend,
		wire.LedgerAppend{Place: l.place, After: string(after), Line: line})
	if err != nil {
		return "", l.fail("write", err)
	}
	return chain.Hash(out.Hash), nil
}

// Records gives the records of one run, oldest first.
func (l Ledger) Records(ctx context.Context, run engine.RunID) ([]engine.Record, error) {
	out, err := read(ctx, l, false, wire.OpLedgerSegment, wire.LedgerSegment{Place: l.place, Run: string(run)},
		func(d *chain.Dir) (wire.LedgerLines, error) {
			lines, err := d.Segment(string(run))
			return wire.LedgerLines{Lines: lines}, err
		})
	if err != nil {
		return nil, l.fail("read", err)
	}
	if len(out.Lines) == 0 {
		return nil, nil
	}
	return engine.ParseRecords(out.Lines)
}

// Put stores a blob of at most wire.MaxBlob bytes under its SHA-256.
func (l Ledger) Put(ctx context.Context, blob []byte) (string, error) {
	if len(blob) > wire.MaxBlob {
		return "", chain.ErrTooLong
	}
	out, err := host.Call[wire.LedgerHash](ctx, l.host, wire.OpLedgerPut,
		wire.LedgerBlob{Place: l.place, Content: blob})
	if err != nil {
		return "", l.fail("write", err)
	}
	return out.Hash, nil
}

// Blob gives a blob back.
func (l Ledger) Blob(ctx context.Context, sha256 string) ([]byte, error) {
	out, err := read(ctx, l, true, wire.OpLedgerBlob, wire.LedgerBlob{Place: l.place, SHA256: sha256},
		func(d *chain.Dir) (wire.LedgerBlob, error) {
			b, err := d.Blob(sha256)
			return wire.LedgerBlob{Content: b}, err
		})
	if err != nil {
		return nil, l.fail("read", err)
	}
	if string(chain.Sum(out.Content)) != "sha256:"+sha256 {
		return nil, fmt.Errorf("blob %s: %w: %w", sha256, chain.ErrBroken, errOther)
	}
	return out.Content, nil
}

// Runs gives the newest runs first, at most limit (0 means all).
func (l Ledger) Runs(ctx context.Context, limit int) ([]engine.Summary, error) {
	runs, err := read(ctx, l, false, wire.OpLedgerRuns, wire.LedgerRuns{Place: l.place, Limit: limit},
		func(d *chain.Dir) ([]engine.Summary, error) {
			entries, err := d.Entries(max(limit, 0))
			return engine.ReadSummaries(entries), err
		})
	if err != nil {
		return nil, l.fail("list", err)
	}
	return runs, nil
}

// Lines gives every line of the chain, oldest first.
func (l Ledger) Lines(ctx context.Context) ([][]byte, error) {
	var all [][]byte
	ready, err := l.host.Ready(ctx)
	switch {
	case err != nil:
	case ready:
		hear := func(part wire.LedgerLines) error {
			all = append(all, part.Lines...)
			return nil
		}
		_, err = host.Stream[struct{}](ctx, l.host, wire.OpLedgerLines, l.place, hear)
	default:
		err = l.copied(ctx, false, func(d *chain.Dir) error {
			for line, err := range d.Lines() {
				if err != nil {
					return err
				}
				all = append(all, line)
			}
			return nil
		})
	}
	if err != nil {
		return nil, l.fail("read", err)
	}
	return all, nil
}

func (l Ledger) fail(what string, err error) error {
	return fmt.Errorf("%s the ledger on %s: %w", what, l.host.Name(), fromWire(err))
}

// fromWire gives what the agent said in the words of the contract.
func fromWire(err error) error {
	for code, sentinel := range map[wire.Code]error{
		wire.CodeChainOvertaken: chain.ErrOvertaken, wire.CodeMissing: chain.ErrMissing,
		wire.CodeExists: chain.ErrExists, wire.CodeBroken: chain.ErrBroken, wire.CodeTooLong: chain.ErrTooLong,
		wire.CodeOtherLedger: fence.ErrOtherLedger, wire.CodeOvertaken: fence.ErrOvertaken,
	} {
		if wire.CodeOf(err) == code {
			return fmt.Errorf("%w (%w)", sentinel, err)
		}
	}
	return err
}

// errOther is a blob that is not what was asked for.
var errOther = errors.New("the host gave other bytes")
