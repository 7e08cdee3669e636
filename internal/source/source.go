// Package source is the contract of a place releases come from, and of what is claimed about them. Implementations
// stand in the folders below. Start with Source.
package source

import (
	"context"
	"errors"

	"fairlead/internal/release"
)

// ErrNotFound is given when there is no release of that tag.
var ErrNotFound = errors.New("there is no such release")

// MaxSQL is the largest migration that is read, in bytes.
const MaxSQL = 16 << 20

// A Source finds a release by its tag; "" takes the only one that there is. Tags become digests here, once, or never.
// The found SQL is the exact bytes; nil when the release says that it has none. Both are read with limits.
type Source interface {
	Find(ctx context.Context, tag string) (Found, error)
}

// Found is a release with its SQL and why it is believed.
type Found struct {
	Release release.Release
	SQL     []byte
	Dir     string // folder in which a migration that is a command runs, absolute
	From    string // readable: the file, the run
	Claims  Claims // what else is said of it, and how well that is known
}
