package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTry_lets_readers_share_and_one_writer_in(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second Kind
		held          bool
	}{
		{"two writers", Exclusive, Exclusive, true},
		{"a writer, then a reader", Exclusive, Shared, true},
		{"a reader, then a writer", Shared, Exclusive, true},
		{"two readers", Shared, Shared, false},
	} {
		name := filepath.Join(t.TempDir(), "lock")
		a, b := open(t, name), open(t, name)
		if err := Try(a, c.first); err != nil {
			t.Fatalf("%s: the first: %v", c.name, err)
		}
		if err := Try(b, c.second); errors.Is(err, ErrHeld) != c.held || (err == nil) == c.held {
			t.Errorf("%s: the second: %v, held %v expected", c.name, err, c.held)
		}
	}
}

func TestWait_has_the_lock_as_soon_as_it_is_given_back(t *testing.T) {
	for _, patience := range []time.Duration{time.Minute, Forever} {
		name := filepath.Join(t.TempDir(), "lock")
		a, b := open(t, name), open(t, name)
		if err := Try(a, Exclusive); err != nil {
			t.Fatal(err)
		}
		if err := Wait(b, Shared, time.Millisecond); !errors.Is(err, ErrHeld) {
			t.Errorf("while it is held: %v, want ErrHeld", err)
		}
		got := make(chan error, 1)
		go func() { got <- Wait(b, Exclusive, patience) }()
		a.Close()
		if err := <-got; err != nil {
			t.Errorf("after it was given back: %v", err)
		}
	}
}

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
