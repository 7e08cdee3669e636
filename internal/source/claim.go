package source

import (
	"fmt"
	"slices"

	"fairlead/internal/release"
)

// A Strength is how well a claim is known, the weakest first.
type Strength int

// The strengths.
const (
	Asserted Strength = iota + 1 // the release says so itself
	Observed                     // read from where it happened
	Proved                       // signed by who did it
)

// words are the strengths as they are written.
var words = []string{"asserted", "observed", "proved"}

// String is the strength as it is written; of the zero value, the weakest.
func (s Strength) String() string { return words[max(s, Asserted)-1] }

// MarshalText writes the strength.
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a strength. One that is not known is an error: it is not to be taken for a weaker or a stronger
// one.
func (s *Strength) UnmarshalText(b []byte) error {
	i := slices.Index(words, string(b))
	if i < 0 {
		return fmt.Errorf("the strength %q of a claim is not known", b)
	}
	*s = Strength(i + 1)
	return nil
}

// A Claim is one thing that somebody says of a release.
type Claim struct {
	Kind     string   `json:"kind"`    // like "verified"
	Subject  string   `json:"subject"` // what it is about, like the name of an environment
	By       string   `json:"by"`
	Strength Strength `json:"strength"`
}

// Claims are all that is said of a release.
type Claims []Claim

// Asserts gives what a release says of itself.
func Asserts(r release.Release) Claims {
	if r.VerifiedIn == "" {
		return nil
	}
	return Claims{{Kind: "verified", Subject: r.VerifiedIn, By: "the release", Strength: Asserted}}
}

// Strength is that of the strongest claim.
func (c Claims) Strength() Strength {
	most := Asserted
	for _, one := range c {
		most = max(most, one.Strength)
	}
	return most
}

// Sum is the digest of the claims as it stands in what is approved; "" where there are none but those of the release
// itself, whose id stands there already.
func (c Claims) Sum() (string, error) {
	if c.Strength() == Asserted {
		return "", nil
	}
	return release.Canonical(c)
}
