// Package applytest holds every apply.Server and apply.Recovery to the obligations of their contract. The PostgreSQL
// adapter and the simulator's fake pass the same suite. It knows no SQL: what can be executed is given by the Subject.
// Start with Exercise.
package applytest

import (
	"context"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// A Subject is one fresh, empty database under test.
type Subject struct {
	Server   apply.Server
	Recovery apply.Recovery
	Effect   string                 // a statement for a transaction; each committed execution adds one to Effects
	Effects  func(t *testing.T) int // how often Effect is in place
	Refused  string                 // a statement that the server refuses
	// a statement outside transactions, with a probe; its effect is not there at first
	Alone sqltext.Statement
	// leaves Alone half done, as a backend does that is killed in the middle; nil where that cannot be
	Break func(t *testing.T)
	Wait  func(time.Duration)      // lets time pass; nil for the real clock
	Again func(t *testing.T) Again // another client of the same database, as another operator has
}

// Again is another client of a Subject's database.
type Again struct {
	Server   apply.Server
	Recovery apply.Recovery
}

const patience = 20 * time.Second

var hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// Exercise runs the suite; open gives a new Subject each time.
func Exercise(t *testing.T, open func(t *testing.T) Subject) {
	for _, c := range []struct {
		claim string
		check func(context.Context, *testing.T, Subject)
	}{
		{"an unknown key has no markers, even before anything was raised", noMarkers},
		{"a committed unit leaves its effect and its marker", commits},
		{"a transaction that is rolled back leaves nothing", rollsBack},
		{"rollback after commit does nothing", rollbackAfterCommit},
		{"a second marker of a unit is refused", marksOnce},
		{"commit after a refused statement is no success and leaves nothing", rollbackInDisguise},
		{"a smaller number can change nothing", overtaken},
		{"the number of another ledger is refused", otherLedger},
		{"raising twice with one number is harmless", raisesTwice},
		{"raising ends a transaction that holds the row", endsHolder},
		{"raising ends an idle session that holds the lock", endsIdleSession},
		{"the fate of a transaction is told", fates},
		{"an open transaction can be ended from outside", endsTransaction},
		{"ending what is gone already is no error", endsNothing},
		{"a statement outside transactions leaves intent, effect and end", nonTransactional},
		{"the fate of a session is told by its backend", fateOfSession},
		{"two sessions do not hold the lock at once", oneSession},
		{"what was left half done is found and removed", repairs},
		{"every client sees one identity", oneIdentity},
	} {
		t.Run(c.claim, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			c.check(ctx, t, open(t))
		})
	}
}

func ticket(number int64) fence.Ticket {
	runs := []string{"", "r-one", "r-two", "r-three"}
	return fence.Ticket{App: "shop", Environment: "production", Ledger: "ledger-a", Run: runs[number], Number: number,
		Holder: "tester"}
}

func key() apply.Key { return apply.Key{App: "shop", Environment: "production", Migration: hash} }

func marker(unit int, done bool) apply.Marker {
	return apply.Marker{Unit: unit, SHA256: hash, Run: "r-one", Fence: 1, Done: done}
}
