package step

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/target"
)

// Confirm proves that the release is what it says: every digest exists in the registry now and hashes to itself, and
// the labels of the images agree with the commit.
type Confirm struct {
	afresh
	Found  source.Found
	ByHand target.Runbook
	Verify func(ctx context.Context, images []release.Image, commit string) ([]release.ConfirmedImage, error)
}

// Confirmed is the evidence of Confirm. Strength says how staging's verdict is known: "asserted" until it is proved.
type Confirmed struct {
	ReleaseID string                   `json:"release_id"`
	From      string                   `json:"from"`
	Staging   string                   `json:"staging"`
	Strength  string                   `json:"strength"`
	Images    []release.ConfirmedImage `json:"images"`
}

// Kind names the evidence.
func (Confirmed) Kind() engine.Kind { return "confirmed/1" }

// String says what was confirmed.
func (c Confirmed) String() string {
	return fmt.Sprintf("%s in the registry, each hashed to its digest; verified in %s (%s)",
		count(len(c.Images), "image"), cmp.Or(c.Staging, "nothing"), c.Strength)
}

// Spec declares the step.
func (s Confirm) Spec() engine.Spec {
	return engine.Spec{Name: "confirm", Title: "Confirm the images", Effect: engine.ReadsAgain,
		Proves:  Confirmed{}.Kind(),
		Runbook: slices.Concat([]string{"cat release.json"}, s.ByHand.Confirm, []string{"sha256sum migration.sql"})}
}

// Run asks the registry.
func (s Confirm) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	r := s.Found.Release
	id, err := r.ID()
	if err != nil {
		return nil, refuse("release-unreadable", "the release has no id", err)
	}
	in.Say(engine.Progress{Text: count(len(r.Images), "image") + " in the registry"})
	images, err := s.Verify(ctx, r.Images, r.Commit)
	if err != nil {
		return nil, refuse("image-unconfirmed", "the images of "+r.Tag+" are not what the release says", err)
	}
	return Confirmed{ReleaseID: id, From: s.Found.From, Staging: r.VerifiedIn,
		Strength: s.Found.Claims.Strength().String(), Images: images}, nil
}
