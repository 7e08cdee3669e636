package scratch

import (
	"errors"
	"testing"

	"fairlead/internal/database"
)

func TestSpace_that_is_needed_grows_with_the_database_and_with_copies(t *testing.T) {
	const gigabyte = 1_000_000_000
	if n := spaceNeeded(gigabyte, false, 0); n != 2.5*gigabyte+spaceBase {
		t.Errorf("for a copy: %d", n)
	}
	if n := spaceNeeded(gigabyte, false, 1); n != 3.5*gigabyte+spaceBase {
		t.Errorf("for a copy of the copy, too: %d", n)
	}
	if n := spaceNeeded(gigabyte, true, 1); n != spaceBase {
		t.Errorf("for a schema: %d", n)
	}
	r := &Rehearser{free: func(string) (int64, error) { return 100, nil }}
	if r.enough("/", 100) != nil || !errors.Is(r.enough("/", 101), database.ErrNoSpace) {
		t.Error("100 bytes are enough for 100, and for no more")
	}
}
