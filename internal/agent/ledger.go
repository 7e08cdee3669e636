package agent

import (
	"fmt"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
	"fairlead/internal/wire"
)

// linesPerAnswer is how many bytes of lines are sent in one answer.
const linesPerAnswer = 4 << 20

// doLedger is the table of operations on the host's ledger.
func (s Server) doLedger(req wire.Request, say func(any) error) (any, error) {
	switch req.Op {
	case wire.OpLedgerHead:
		return with(req, s.ledgerHead)
	case wire.OpLedgerAppend:
		return with(req, s.ledgerAppend)
	case wire.OpLedgerSegment:
		return with(req, s.ledgerSegment)
	case wire.OpLedgerRuns:
		return with(req, s.ledgerRuns)
	case wire.OpLedgerLines:
		return with(req, func(p wire.Place) (any, error) { return nil, s.ledgerLines(p, say) })
	case wire.OpLedgerPut:
		return with(req, s.ledgerPut)
	case wire.OpLedgerBlob:
		return with(req, s.ledgerBlob)
	}
	return nil, wire.Fail(wire.CodeUnknownOp, fmt.Sprintf("this agent (%s) does not know %q", s.Version, req.Op), nil)
}

// ledger opens the ledger of a place, whether it exists or not.
func (s Server) ledger(p wire.Place) (*chain.Dir, error) {
	if err := p.Validate(); err != nil {
		return nil, wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	d := chain.OpenDir(p.Ledger())
	d.Summarizer = engine.Summarizer()
	return d, nil
}

// same opens the ledger of a place and refuses one that is missing, or another one than the fence of this host or the
// caller knows.
func (s Server) same(p wire.Place) (*chain.Dir, error) {
	d, err := s.ledger(p)
	if err != nil {
		return nil, err
	}
	known, err := s.keeper(p).known()
	if err != nil {
		return nil, err
	}
	for who, want := range map[string]string{"this host": known.Ledger, "the operator": p.Expect} {
		if want == "" {
			continue
		}
		id, _, _, err := d.Head()
		switch {
		case err != nil:
			return nil, err
		case id == "":
			return nil, fmt.Errorf("%w: %s knows the ledger %s, and there is none in %s", chain.ErrMissing, who, want,
				d.Path())
		case id != want:
			return nil, fmt.Errorf("%w: %s knows %s, in %s is %s", fence.ErrOtherLedger, who, want, d.Path(), id)
		}
	}
	return d, nil
}

func (s Server) ledgerHead(p wire.Place) (any, error) {
	d, err := s.same(p)
	if err != nil {
		return nil, err
	}
	id, hash, last, err := d.Head()
	return wire.LedgerHead{ID: id, Hash: string(hash), Last: last}, err
}

func (s Server) ledgerAppend(b wire.LedgerAppend) (any, error) {
	d, err := s.same(b.Place)
	if err != nil {
		return nil, err
	}
	if b.After == "" {
		if err := makeDir(b.Place.Directory, b.Place.Directory); err != nil {
			return nil, err
		}
	}
	hash, err := d.Append(chain.Hash(b.After), b.Line)
	return wire.LedgerHash{Hash: string(hash)}, err
}

func (s Server) ledgerSegment(b wire.LedgerSegment) (any, error) {
	d, err := s.ledger(b.Place)
	if err != nil {
		return nil, err
	}
	lines, err := d.Segment(b.Run)
	return wire.LedgerLines{Lines: lines}, err
}

func (s Server) ledgerRuns(b wire.LedgerRuns) (any, error) {
	d, err := s.same(b.Place)
	if err != nil {
		return nil, err
	}
	entries, err := d.Entries(max(b.Limit, 0))
	return engine.ReadSummaries(entries), err
}

func (s Server) ledgerLines(p wire.Place, say func(any) error) error {
	d, err := s.same(p)
	if err != nil {
		return err
	}
	var part wire.LedgerLines
	size := 0
	flush := func() error {
		defer func() { part, size = wire.LedgerLines{}, 0 }()
		return say(part)
	}
	for line, err := range d.Lines() {
		if err != nil {
			return err
		}
		part.Lines = append(part.Lines, line)
		if size += len(line); size < linesPerAnswer {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

func (s Server) ledgerPut(b wire.LedgerBlob) (any, error) {
	d, err := s.same(b.Place)
	if err != nil {
		return nil, err
	}
	if len(b.Content) > wire.MaxBlob {
		return nil, chain.ErrTooLong
	}
	if err := makeDir(b.Place.Directory, b.Place.Directory); err != nil {
		return nil, err
	}
	sum, err := d.Put(b.Content)
	return wire.LedgerHash{Hash: sum}, err
}

func (s Server) ledgerBlob(b wire.LedgerBlob) (any, error) {
	d, err := s.ledger(b.Place)
	if err != nil {
		return nil, err
	}
	content, err := d.Blob(b.SHA256)
	if len(content) > wire.MaxBlob {
		return nil, chain.ErrTooLong
	}
	return wire.LedgerBlob{Content: content}, err
}
