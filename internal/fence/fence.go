// Package fence says who may change things. Every run of one app in one environment gets a number from the ledger,
// larger than all before it; a takeover gets the next one. Hosts, database and ledger remember the largest number they
// have seen and refuse a smaller one, so that an operator who was given up for dead can change nothing. The package
// holds the words only; the ledger hands out numbers, hosts and database keep them. Start with Ticket.
package fence

import (
	"errors"
	"fmt"
)

// ErrOvertaken is what everything answers to a number that is too small: somebody else has taken over. Test with
// errors.Is; an *Overtaken in the chain says who.
var ErrOvertaken = errors.New("overtaken by another operator")

// ErrOtherLedger is the answer to a ticket of another ledger than the one that is known for this app and environment.
var ErrOtherLedger = errors.New("another ledger is known here")

// A Ticket is shown before every change. App and Environment name what is changed, Ledger is the id of the ledger that
// gave the number (the id of its first record), Run the run it was given to, Number the fencing number (1 and up),
// Holder a readable name of the operator process for messages.
type Ticket struct {
	App         string `json:"app"`
	Environment string `json:"environment"`
	Ledger      string `json:"ledger"`
	Run         string `json:"run"`
	Number      int64  `json:"number"`
	Holder      string `json:"holder"`
}

// Check compares a ticket with the largest one known. It gives ErrOtherLedger or ErrOvertaken, or nil when t may go on.
// A known ticket with an empty ledger means that nothing is known yet.
func (t Ticket) Check(known Ticket) error {
	if known.Ledger == "" {
		return nil
	}
	if known.Ledger != t.Ledger {
		return fmt.Errorf("%w: %s, shown was %s", ErrOtherLedger, known.Ledger, t.Ledger)
	}
	if t.Number < known.Number {
		return &Overtaken{By: known}
	}
	return nil
}

// Overtaken says who holds the larger number. It matches ErrOvertaken.
type Overtaken struct{ By Ticket }

// Error names the run and the holder.
func (o *Overtaken) Error() string {
	return fmt.Sprintf("overtaken: run %s holds number %d (%s)", o.By.Run, o.By.Number, o.By.Holder)
}

// Is matches ErrOvertaken.
func (o *Overtaken) Is(err error) bool { return err == ErrOvertaken }
