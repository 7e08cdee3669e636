package source

import (
	"encoding/json"
	"testing"

	"fairlead/internal/release"
)

func TestClaims_add_to_what_is_approved_only_what_the_release_does_not_say_itself(t *testing.T) {
	own := Asserts(release.Release{VerifiedIn: "staging"})
	if sum, err := own.Sum(); err != nil || sum != "" || own.Strength().String() != "asserted" {
		t.Errorf("what the release says itself: %q, %s, %v", sum, own.Strength(), err)
	}
	seen := append(own, Claim{Kind: "verified", Subject: "staging", By: "run 9123456", Strength: Observed})
	proved := append(own, Claim{Kind: "verified", Subject: "staging", By: "run 9123456", Strength: Proved})
	a, err := seen.Sum()
	b, other := proved.Sum()
	if err != nil || other != nil || a == "" || a == b {
		t.Errorf("what is observed has the digest %q, what is proved %q (%v, %v)", a, b, err, other)
	}
	if seen.Strength() >= proved.Strength() || Claims(nil).Strength() != Asserted {
		t.Error("the strengths are not in order")
	}
}

func TestStrength_is_read_as_it_is_written_and_never_guessed(t *testing.T) {
	for s := Asserted; s <= Proved; s++ {
		b, err := json.Marshal(s)
		var got Strength
		if err != nil || json.Unmarshal(b, &got) != nil || got != s {
			t.Errorf("%s is read as %s (%v)", b, got, err)
		}
	}
	var s Strength
	if err := json.Unmarshal([]byte(`"certain"`), &s); err == nil {
		t.Errorf("an unknown strength is read as %s", s)
	}
}
