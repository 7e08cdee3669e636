package engine

import (
	"time"

	"fairlead/internal/fault"
)

// A Holder is the operator process that holds a run.
type Holder struct {
	// Name: who deploys, like "ana@laptop"
	Name string `json:"name"`
	// How: "claimed (OS user)" or "proved (OIDC)"
	How string `json:"how"`
	// Process: unique for the process: host, pid and start
	Process string `json:"process"`
}

// String is the readable name.
func (h Holder) String() string { return h.Name }

// Opening is the evidence of the record that opens a run.
type Opening struct {
	Terms       Terms  `json:"terms"`
	Fingerprint string `json:"fingerprint"`
	// Blobs: name to sha256
	Blobs     map[string]string `json:"blobs"`
	Proofs    Proofs            `json:"proofs"`
	Holder    Holder            `json:"holder"`
	Approvals Approvals         `json:"approval"`
	// Closes: the run that this one closes and follows (a rollback)
	Closes    *Closing `json:"closes,omitempty"`
	Automatic bool     `json:"automatic,omitempty"`
}

// Takeover is the evidence of the record by which another holder takes an open run over.
type Takeover struct {
	Holder Holder `json:"holder"`
	From   Holder `json:"from"`
	Reason string `json:"reason,omitempty"`
}

// Closing is the evidence of the record that closes a run.
type Closing struct {
	Run     RunID         `json:"run"`
	Outcome fault.Outcome `json:"outcome"`
	// Means: is production changed? one sentence
	Means  string `json:"means"`
	Reason string `json:"reason,omitempty"`
	// Migrated: a unit was committed by this run
	Migrated bool   `json:"migrated"`
	By       Holder `json:"by"`
}

// A Summary is one run in one line, for status and history.
type Summary struct {
	Run    RunID     `json:"run"`
	Action Action    `json:"action"`
	Tag    string    `json:"tag"`
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed,omitzero"`
	// Outcome: zero while open
	Outcome  fault.Outcome `json:"outcome"`
	Holder   string        `json:"holder"`
	Approved string        `json:"approved"`
	Migrated bool          `json:"migrated"`
	// Step: the last step that began
	Step  Name   `json:"step,omitempty"`
	Means string `json:"means,omitempty"`
}
