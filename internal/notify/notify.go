// Package notify is the contract of telling people. Telling must never fail a deployment. Implementations stand in the
// folders below. Start with Notifier.
package notify

import (
	"context"
	"time"
)

// A Notifier delivers a message once per call and says whether it was accepted; trying again and keeping an outbox is
// the caller's business. Errors never contain the URL, which may be a secret. Name says where it goes, without secrets.
type Notifier interface {
	Notify(ctx context.Context, m Message) error
	Name() string
}

// A Message is the runbook's note: time, digests, previous digests, migration or not, who approved and who deployed.
type Message struct {
	Run string `json:"run"`
	// Action: deploy, rollback or migrate
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	// Production: is production changed? one sentence
	Production  string    `json:"production"`
	App         string    `json:"app"`
	Environment string    `json:"environment"`
	Tag         string    `json:"tag"`
	Commit      string    `json:"commit"`
	At          time.Time `json:"at"`
	Images      []Image   `json:"images"`
	// Migration: "applied", "already by run R", "none", "not applied", "unknown"
	Migration  string `json:"migration"`
	Backup     string `json:"backup,omitempty"`
	ApprovedBy string `json:"approved_by"`
	DeployedBy string `json:"deployed_by"`
	// Do: commands for whoever must act
	Do []string `json:"do,omitempty"`
}

// An Image is one service's digests in a message.
type Image struct {
	Service string `json:"service"`
	// Now: as observed
	Now      string `json:"now"`
	Previous string `json:"previous"`
}
