// Package dir keeps a ledger in a directory of this machine. It is the ledger itself for local use, and the words
// around chain.Dir, which does the work. It is not the ledger of a remote host: that is ledger/host. Start with Open.
package dir

import (
	"context"
	"fmt"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
)

// A Ledger is the ledger of one app in one environment, in a directory. It is safe for use by several goroutines and
// processes.
type Ledger struct {
	files *chain.Dir
	// the id, from Expecting; empty when it is not known
	known string
}

var (
	_ engine.Ledger  = Ledger{}
	_ engine.History = Ledger{}
)

// Open names a directory. It touches nothing; the first Append or Put creates what is missing.
func Open(path string) Ledger {
	files := chain.OpenDir(path)
	files.Summarizer = engine.Summarizer()
	return Ledger{files: files}
}

// Expecting gives the ledger for a caller who knows its id from elsewhere. Where there is no ledger, everything but
// reading blobs and single runs then answers chain.ErrMissing and creates nothing; where there is another one,
// fence.ErrOtherLedger.
func (l Ledger) Expecting(id string) Ledger {
	l.known = id
	return l
}

// Head gives the end of the ledger, the zero Head where there is none.
func (l Ledger) Head(ctx context.Context) (engine.Head, error) {
	if err := ctx.Err(); err != nil {
		return engine.Head{}, err
	}
	id, hash, lines, err := l.files.Head()
	if err != nil {
		return engine.Head{}, fmt.Errorf("read ledger %s: %w", l.files.Path(), err)
	}
	if err := l.check(id); err != nil {
		return engine.Head{}, err
	}
	last, err := engine.ParseRecords(lines)
	if err != nil {
		return engine.Head{}, fmt.Errorf("read ledger %s: %w", l.files.Path(), err)
	}
	return engine.Head{Ledger: id, Hash: hash, Last: last}, nil
}

// Append writes a record behind the one whose hash is after; see engine.Ledger. A ctx that is done writes nothing.
func (l Ledger) Append(ctx context.Context, after chain.Hash, r engine.Record) (chain.Hash, error) {
	if err := l.begin(ctx); err != nil {
		return "", err
	}
	line, err := r.Line()
	if err != nil {
		return "", err
	}
	hash, err := l.files.Append(after, line)
	if err != nil {
		return "", fmt.Errorf("ledger %s: %w", l.files.Path(), err)
	}
	return hash, nil
}

// Records gives the records of one run, oldest first.
func (l Ledger) Records(ctx context.Context, run engine.RunID) ([]engine.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	lines, err := l.files.Segment(string(run))
	if err != nil {
		return nil, fmt.Errorf("read run %s in ledger %s: %w", run, l.files.Path(), err)
	}
	if len(lines) == 0 {
		return nil, nil
	}
	records, err := engine.ParseRecords(lines)
	if err != nil {
		return nil, fmt.Errorf("read run %s in ledger %s: %w", run, l.files.Path(), err)
	}
	return records, nil
}

// Put stores a blob under its SHA-256.
func (l Ledger) Put(ctx context.Context, blob []byte) (string, error) {
	if err := l.begin(ctx); err != nil {
		return "", err
	}
	name, err := l.files.Put(blob)
	if err != nil {
		return "", fmt.Errorf("ledger %s: %w", l.files.Path(), err)
	}
	return name, nil
}

// Blob gives a blob back, verified.
func (l Ledger) Blob(ctx context.Context, sha256 string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := l.files.Blob(sha256)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", l.files.Path(), err)
	}
	return b, nil
}

// Runs gives the newest runs first, at most limit (0 means all).
func (l Ledger) Runs(ctx context.Context, limit int) ([]engine.Summary, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	entries, err := l.files.Entries(limit)
	if err != nil {
		return nil, fmt.Errorf("list ledger %s: %w", l.files.Path(), err)
	}
	return engine.ReadSummaries(entries), nil
}

// Lines gives every line of the chain, oldest first. It does not check them; chain.Verify does.
func (l Ledger) Lines(ctx context.Context) ([][]byte, error) {
	if err := l.same(); err != nil {
		return nil, err
	}
	var all [][]byte
	for line, err := range l.files.Lines() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("read ledger %s: %w", l.files.Path(), err)
		}
		all = append(all, line)
	}
	return all, nil
}

// begin refuses a ctx that is done, and another ledger than the one that is known.
func (l Ledger) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.same()
}

// same tells whether the ledger is the one that is known.
func (l Ledger) same() error {
	if l.known == "" {
		return nil
	}
	id, _, _, err := l.files.Head()
	if err != nil {
		return fmt.Errorf("read ledger %s: %w", l.files.Path(), err)
	}
	return l.check(id)
}

// check holds an id against the one that is known.
func (l Ledger) check(id string) error {
	switch {
	case l.known == "" || id == l.known:
		return nil
	case id == "":
		return fmt.Errorf("%w: %s is known to exist, there is none in %s", chain.ErrMissing, l.known, l.files.Path())
	}
	return fmt.Errorf("%w: %s, in %s is %s", fence.ErrOtherLedger, l.known, l.files.Path(), id)
}
