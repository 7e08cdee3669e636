package engine

import (
	"encoding/json"
	"fmt"
	"time"

	"fairlead/internal/chain"
)

// RecordSchema is the version of the layout of a record. Older layouts stay readable; an unknown one in an open run
// means: do not write.
const RecordSchema = "fairlead.record/1"

// A RunID names one execution of a plan, like "r-20261124-203015-7f3a". It is a file name and a word in commands.
type RunID string

// A Name is a step's stable name; it is the ledger's key.
type Name string

// A Kind names a kind of evidence or fact with its version, like "backup-taken/1".
type Kind string

// A Verdict is what a record says.
type Verdict string

// The verdicts. Opened and Manual begin a segment; Closed ends it. The evidence of Opened is an Opening, that of Taken
// a Takeover, that of Closed and of Manual (a release made by hand) a Closing.
const (
	Opened Verdict = "opened"
	// Began: a step is about to act
	Began Verdict = "began"
	// Noted: a fact in the middle of a step
	Noted  Verdict = "noted"
	Proven Verdict = "proven"
	// Failed: a step failed and what it did is known: nothing, unless Changed
	Failed Verdict = "failed"
	// Unclear: a step failed and may have changed something
	Unclear Verdict = "unclear"
	Taken   Verdict = "taken"
	Closed  Verdict = "closed"
	Manual  Verdict = "manual"
)

// A Record is one line of the ledger. Its hash is that of the exact bytes of Line. ID is made by the writer and unique,
// Fence the takeover number under which it was written, Why one sentence for people.
type Record struct {
	Schema   string          `json:"schema"`
	Prev     chain.Hash      `json:"prev"`
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Run      RunID           `json:"run"`
	Fence    int64           `json:"fence"`
	Verdict  Verdict         `json:"verdict"`
	Step     Name            `json:"step,omitempty"`
	Kind     Kind            `json:"kind,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
	// Changed: production was changed by this step (verdict proven or unclear)
	Changed bool   `json:"changed,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Line gives the bytes that are sent and stored, without a newline.
func (r Record) Line() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return b, nil
}

// ParseRecord reads a line. A schema that this program does not know is an error.
func ParseRecord(line []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, fmt.Errorf("read record: %w", err)
	}
	if r.Schema != RecordSchema {
		return Record{}, fmt.Errorf("record %s has the schema %q, this program knows %q", r.ID, r.Schema, RecordSchema)
	}
	return r, nil
}
