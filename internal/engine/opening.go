package engine

import (
	"time"

	"fairlead/internal/fault"
)

// A Holder is the operator process that holds a run. Name is who deploys, like "ana@laptop"; How is "claimed (OS user)"
// or "proved (OIDC)"; Process is unique: host, pid and start.
type Holder struct {
	Name    string `json:"name"`
	How     string `json:"how"`
	Process string `json:"process"`
}

// String is the readable name.
func (h Holder) String() string { return h.Name }

// HolderOf gives the holder of a run from its records: the one of the last takeover, or else of the opening. The zero
// Holder when the records begin with none.
func HolderOf(records []Record) Holder {
	var h Holder
	for _, r := range records {
		switch r.Verdict {
		case Opened:
			o, _ := decode[Opening](r)
			h = o.Holder
		case Taken:
			t, _ := decode[Takeover](r)
			h = t.Holder
		}
	}
	return h
}

// Opening is the evidence of the record that opens a run. Blobs are sha256 by name; Closes is the run that this
// one closes and follows (a rollback).
type Opening struct {
	Terms       Terms             `json:"terms"`
	Fingerprint string            `json:"fingerprint"`
	Blobs       map[string]string `json:"blobs"`
	Proofs      Proofs            `json:"proofs"`
	Holder      Holder            `json:"holder"`
	Approvals   Approvals         `json:"approval"`
	Closes      *Closing          `json:"closes,omitempty"`
	Automatic   bool              `json:"automatic,omitempty"`
}

// Takeover is the evidence of the record by which another holder takes an open run over.
type Takeover struct {
	Holder Holder `json:"holder"`
	From   Holder `json:"from"`
	Reason string `json:"reason,omitempty"`
}

// Closing is the evidence of the record that closes a run. Means says whether production is changed, Migrated that
// a unit was committed by this run.
type Closing struct {
	Run      RunID         `json:"run"`
	Outcome  fault.Outcome `json:"outcome"`
	Means    string        `json:"means"`
	Reason   string        `json:"reason,omitempty"`
	Migrated bool          `json:"migrated"`
	By       Holder        `json:"by"`
}

// A Summary is one run in one line, for status and history. Outcome is zero while it is open, Step the last one that
// began.
type Summary struct {
	Run      RunID         `json:"run"`
	Action   Action        `json:"action"`
	Tag      string        `json:"tag"`
	Opened   time.Time     `json:"opened"`
	Closed   time.Time     `json:"closed,omitzero"`
	Outcome  fault.Outcome `json:"outcome"`
	Holder   string        `json:"holder"`
	Approved string        `json:"approved"`
	Migrated bool          `json:"migrated"`
	Step     Name          `json:"step,omitempty"`
	Means    string        `json:"means,omitempty"`
}
