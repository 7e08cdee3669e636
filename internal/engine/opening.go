package engine

import (
	"time"

	"fairlead/internal/fault"
)

// A Holder is the operator process that holds a run.
type Holder struct {
	Name    string `json:"name"`    // who deploys, like "ana@laptop"
	How     string `json:"how"`     // "claimed (OS user)" or "proved (OIDC)"
	Process string `json:"process"` // unique for the process: host, pid and start
}

// String is the readable name.
func (h Holder) String() string { return h.Name }

// Opening is the evidence of the record that opens a run.
type Opening struct {
	Terms       Terms             `json:"terms"`
	Fingerprint string            `json:"fingerprint"`
	Blobs       map[string]string `json:"blobs"` // name to sha256
	Proofs      Proofs            `json:"proofs"`
	Holder      Holder            `json:"holder"`
	Approval    Approval          `json:"approval"`
	Closes      *Closing          `json:"closes,omitempty"` // the run that this one closes and follows (a rollback)
	Automatic   bool              `json:"automatic,omitempty"`
}

// Approval says who said yes.
type Approval struct {
	By     string `json:"by"`  // "nobody (reason)" where policy asks for none
	How    string `json:"how"` // "typed at a terminal", "--yes"
	Reason string `json:"reason,omitempty"`
}

// Kind is the kind under which the approval stands among the proofs of a run.
func (Approval) Kind() Kind { return "approved/1" }

// String says who said yes and how.
func (a Approval) String() string { return "approved by " + a.By + " (" + a.How + ")" }

// Takeover is the evidence of the record by which another holder takes an open run over.
type Takeover struct {
	Holder Holder `json:"holder"`
	From   Holder `json:"from"`
	Reason string `json:"reason,omitempty"`
}

// Closing is the evidence of the record that closes a run.
type Closing struct {
	Run      RunID         `json:"run"`
	Outcome  fault.Outcome `json:"outcome"`
	Means    string        `json:"means"` // is production changed? one sentence
	Reason   string        `json:"reason,omitempty"`
	Migrated bool          `json:"migrated"` // a unit was committed by this run
	By       Holder        `json:"by"`
}

// A Summary is one run in one line, for status and history.
type Summary struct {
	Run      RunID         `json:"run"`
	Action   Action        `json:"action"`
	Tag      string        `json:"tag"`
	Opened   time.Time     `json:"opened"`
	Closed   time.Time     `json:"closed,omitzero"`
	Outcome  fault.Outcome `json:"outcome"` // zero while open
	Holder   string        `json:"holder"`
	Approved string        `json:"approved"`
	Migrated bool          `json:"migrated"`
	Step     Name          `json:"step,omitempty"` // the last step that began
	Means    string        `json:"means,omitempty"`
}
