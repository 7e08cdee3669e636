package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrNotADigest is given for a string that is not sha256: and 64 lower-case hex digits.
var ErrNotADigest = errors.New("not a sha256 digest")

// A Digest names exact bytes by their SHA-256. The zero Digest names nothing. Only ParseDigest and SumDigest make one.
type Digest struct{ hex string }

// ParseDigest reads "sha256:" and 64 lower-case hex digits (OCI image spec, section Digests); anything else is
// ErrNotADigest.
func ParseDigest(s string) (Digest, error) {
	h, ok := strings.CutPrefix(s, "sha256:")
	if !ok || !isHex64(h) {
		return Digest{}, fmt.Errorf("%w: %.80q", ErrNotADigest, s)
	}
	return Digest{hex: h}, nil
}

// SumDigest gives the digest of b.
func SumDigest(b []byte) Digest {
	s := sha256.Sum256(b)
	return Digest{hex: hex.EncodeToString(s[:])}
}

// String gives "sha256:…", or "" for the zero Digest.
func (d Digest) String() string {
	if d.hex == "" {
		return ""
	}
	return "sha256:" + d.hex
}

// Hex gives the 64 hex digits.
func (d Digest) Hex() string { return d.hex }

// Short gives the first twelve hex digits, for people.
func (d Digest) Short() string {
	if len(d.hex) < 12 {
		return ""
	}
	return d.hex[:12]
}

// IsZero tells whether d names nothing.
func (d Digest) IsZero() bool { return d.hex == "" }

// MarshalText writes the String form.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the String form; the empty text gives the zero Digest.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Digest{}
		return nil
	}
	p, err := ParseDigest(string(b))
	if err != nil {
		return err
	}
	*d = p
	return nil
}

func isHex64(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
