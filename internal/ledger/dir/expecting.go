package dir

import (
	"fmt"

	"fairlead/internal/chain"
	"fairlead/internal/fence"
)

// Expecting gives the ledger for a caller who knows its id from elsewhere. Where there is no ledger, everything but
// reading blobs and single runs then answers chain.ErrMissing and creates nothing; where there is another one,
// fence.ErrOtherLedger.
func (l Ledger) Expecting(id string) Ledger {
	l.known = id
	return l
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
