package stack

import (
	"fairlead/internal/fence"
	"fairlead/internal/rollout"
	"fairlead/internal/wire"
)

// An Image is the reference that a service's key is to get ("repository@sha256:…").
type Image struct {
	Key
	Image string `json:"image"`
}

// Prepare asks for images on the host. What stands against a rollout there is wire.CodeRefused.
type Prepare struct {
	Place  wire.Place   `json:"place"`
	Ticket fence.Ticket `json:"ticket"`
	Layout Layout       `json:"layout"`
	Images []Image      `json:"images"`
}

// RollStart starts a rollout, or attaches to the one with the same order.
type RollStart struct {
	Place  wire.Place    `json:"place"`
	Layout Layout        `json:"layout"`
	Order  rollout.Order `json:"order"`
}
