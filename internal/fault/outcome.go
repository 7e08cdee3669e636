package fault

import "fmt"

// An Outcome is how a command ended. The exit statuses are documented in docs/exit-codes.md and are the same for every
// command.
type Outcome int

// The outcomes. The zero value means that nothing has been decided yet.
const (
	Deployed        Outcome = iota + 1 // as asked: deployed, rolled back as asked, or nothing to do
	Misused                            // usage, configuration or internal error before anything was attempted
	Refused                            // a gate is closed; production unchanged
	FailedUnchanged                    // failed; production unchanged
	RolledBack                         // failed, and rolled back automatically; the old version is verified healthy
	Asking                             // failed or asking, production changed: a person must decide
	Unknown                            // not known; `fairlead resume` finds out
	Busy                               // another run is open, or this one was taken over
	Waiting                            // waiting for an approval or an answer; no lock held
)

// outcome is one row of the table of exit statuses.
type outcome struct {
	exit       int
	name       string
	production string
}

// row is the one place where exit statuses stand. Status 2 is never used on purpose (Go's own crash status), nor is 134
// (main makes crashes of the program exit so); both are to be read like Unknown.
func (o Outcome) row() outcome {
	rows := [...]outcome{
		{7, "undecided", "unknown"},
		Deployed:        {0, "deployed", "as asked"},
		Misused:         {1, "misused", "unchanged"},
		Refused:         {3, "refused", "unchanged"},
		FailedUnchanged: {4, "failed-unchanged", "unchanged"},
		RolledBack:      {5, "rolled-back", "old images; schema as stated"},
		Asking:          {6, "asking", "changed; a person must decide"},
		Unknown:         {7, "unknown", "unknown"},
		Busy:            {8, "busy", "theirs"},
		Waiting:         {9, "waiting", "unchanged"},
	}
	if o < 0 || int(o) >= len(rows) {
		o = 0
	}
	return rows[o]
}

// Exit gives the exit status of the process.
func (o Outcome) Exit() int { return o.row().exit }

// String gives the stable name used in the ledger and in --json.
func (o Outcome) String() string { return o.row().name }

// Production says what the outcome means for production, in a few words.
func (o Outcome) Production() string { return o.row().production }

// MarshalText writes the stable name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a stable name; an unknown name is an error.
func (o *Outcome) UnmarshalText(b []byte) error {
	for _, c := range Outcomes() {
		if c.String() == string(b) {
			*o = c
			return nil
		}
	}
	if string(b) == "undecided" {
		*o = 0
		return nil
	}
	return fmt.Errorf("unknown outcome %q", b)
}

// Outcomes lists all outcomes in the order of their exit statuses.
func Outcomes() []Outcome {
	var all []Outcome
	for o := Deployed; o <= Waiting; o++ {
		all = append(all, o)
	}
	return all
}
