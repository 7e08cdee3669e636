// Package ledgertest is the suite that every implementation of engine.Ledger and engine.History passes, the fake
// included. It holds the obligations in the doc comments of those contracts, and is no test of the engine. Test-only.
// Start with Exercise and Fixture.
package ledgertest

import (
	"testing"

	"fairlead/internal/engine"
)

// A Handle is a ledger as one operator has it.
type Handle interface {
	engine.Ledger
	engine.History
}

// A Fixture is where one ledger is, at first empty, seen from outside. Open is required. The other hooks do damage
// which the implementation must withstand; a nil hook says that this place cannot be damaged so, and the test is passed
// over. Lines are counted over the whole chain, oldest first, from 0.
type Fixture struct {
	Open func(t *testing.T) Handle // another operator's handle on the same ledger

	// Tear: the writer died in the middle of the last line: its second half is lost
	Tear func(t *testing.T)
	// Edit: one byte of a line becomes another; the line stays valid JSON, its id stays
	Edit func(t *testing.T, line int)
	Swap func(t *testing.T, line int)        // a line and the next change places
	Cut  func(t *testing.T, line int)        // a line is taken out, the rest stays
	Fill func(t *testing.T) (restore func()) // no further line fits, until restore
	// LoseAnswer: the next Append of any handle is durable, but answered with an error
	LoseAnswer func(t *testing.T)

	Footprint func(t *testing.T) string // everything that exists at the place; reading must not change it

	// Lose removes the whole ledger. Insist gives a handle that knows from elsewhere that a ledger of this id exists.
	Lose   func(t *testing.T)
	Insist func(t *testing.T, ledger string) Handle
}
