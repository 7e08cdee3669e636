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
	h, err := l.head(ctx)
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
	lines, err := l.segment(ctx, string(run))
	if err != nil {
		return nil, l.fail("read", err)
	}
	if len(lines) == 0 {
		return nil, nil
	}
	return engine.ParseRecords(lines)
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
	b, err := l.blob(ctx, sha256)
	if err != nil {
		return nil, l.fail("read", err)
	}
	return verified(b, sha256)
}

// Runs gives the newest runs first, at most limit (0 means all).
func (l Ledger) Runs(ctx context.Context, limit int) ([]engine.Summary, error) {
	runs, err := l.runs(ctx, limit)
	if err != nil {
		return nil, l.fail("list", err)
	}
	return runs, nil
}

// Lines gives every line of the chain, oldest first.
func (l Ledger) Lines(ctx context.Context) ([][]byte, error) {
	all, err := l.lines(ctx)
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
		wire.CodeExists: chain.ErrExists,
		wire.CodeBroken: chain.ErrBroken, wire.CodeTooLong: chain.ErrTooLong,
		wire.CodeOtherLedger: fence.ErrOtherLedger,
		wire.CodeOvertaken:   fence.ErrOvertaken,
	} {
		if wire.CodeOf(err) == code {
			return fmt.Errorf("%w (%w)", sentinel, err)
		}
	}
	return err
}

// errOther is a blob that is not what was asked for.
var errOther = errors.New("the host gave other bytes")

func verified(b []byte, want string) ([]byte, error) {
	if got := chain.Sum(b); string(got) != "sha256:"+want {
		return nil, fmt.Errorf("blob %s: %w: %w", want, chain.ErrBroken, errOther)
	}
	return b, nil
}
