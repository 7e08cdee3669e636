package backuptest

import (
	"testing"

	"fairlead/internal/backup"
)

// Store is what is tried: a store in all its roles.
type Store = backup.PrunableStore

// A Fixture is where the stores of one test keep their objects, empty at first. Open gives one more store over the same
// objects, as another process would have it. The others are nil where a kind of store does not know such a thing: Cut
// ends the connection under all stores and gives what mends it; Fill takes all room and gives what frees it; Hidden
// lists what is there and not visible; Damage changes one bit of a visible object behind the stores' backs. Large is a
// size in bytes that is stored in several parts, 0 where there are none. Weak tells that two writers at the same moment
// may both be refused, Single that the stores are used from one goroutine, Sealed that what is kept has another size
// than what is written.
type Fixture struct {
	Open   func(t *testing.T) Store
	Cut    func(t *testing.T) (mend func())
	Fill   func(t *testing.T) (empty func())
	Hidden func(t *testing.T) []string
	Damage func(t *testing.T, name string)
	Large  int
	Weak   bool
	Single bool
	Sealed bool
}

func (p Fixture) large() int { return max(p.Large, 1<<20) }

// hidden fails the test when something is left.
func (p Fixture) clean(t *testing.T, when string) {
	t.Helper()
	if p.Hidden == nil {
		return
	}
	if left := p.Hidden(t); len(left) != 0 {
		t.Errorf("%s there is left %v", when, left)
	}
}
