package step

import (
	"context"

	"fairlead/internal/engine"
)

// NoBackup stands in the place of Backup where somebody decided to migrate without one. It does nothing but write that
// down.
type NoBackup struct {
	Reason string
	By     string
}

// NotBackedUp is the evidence of NoBackup.
type NotBackedUp struct {
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// Kind names the evidence.
func (NotBackedUp) Kind() engine.Kind { return "not-backed-up/1" }

// String says who decided and why.
func (n NotBackedUp) String() string { return "NO BACKUP, decided by " + n.By + ": " + n.Reason }

// Spec declares the step. Its name stands in what is approved.
func (NoBackup) Spec() engine.Spec {
	return engine.Spec{Name: "no-backup", Title: "Go on without a backup", Effect: engine.ReadsOnce,
		Proves:  NotBackedUp{}.Kind(),
		Runbook: []string{"# no backup is taken: somebody decided so"}}
}

// Probe leaves everything to Run.
func (NoBackup) Probe(context.Context, engine.Input) (engine.Observation, error) { return fresh, nil }

// Run writes the decision down.
func (s NoBackup) Run(context.Context, engine.Input) (engine.Evidence, error) {
	return NotBackedUp(s), nil
}

// protection is the evidence that must stand before a migration.
func protection(bare bool) engine.Kind {
	if bare {
		return NotBackedUp{}.Kind()
	}
	return BackedUp{}.Kind()
}

// AgainKey names a migration that a run applies once more on purpose.
func AgainKey(sha256, run string) string { return sha256 + " again by " + run }
