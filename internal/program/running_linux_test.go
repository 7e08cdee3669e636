package program

import (
	"slices"
	"testing"
	"time"
)

func running(t *testing.T, mark string, since time.Time) []int {
	t.Helper()
	found, err := Running(mark, since)
	if err != nil {
		t.Fatalf("not every process of this user can be looked at: %v", err)
	}
	return found
}

func TestStop_leaves_no_process_that_carries_the_mark(t *testing.T) {
	began := time.Now()
	p, _ := shell(t, `trap "" TERM; (trap "" TERM; sleep 60) & echo ready; sleep 60`, nil)
	for end := time.Now().Add(5 * time.Second); len(running(t, mark(t), began)) < 3; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the script and what it starts are not seen")
		}
	}
	p.Stop(200 * time.Millisecond)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := running(t, mark(t), began)
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("processes %v are left", left)
		}
	}
}

func TestRunning_finds_what_carries_the_mark(t *testing.T) {
	began := time.Now()
	p, _ := shell(t, "sleep 60", nil)
	if left := running(t, mark(t), began); !slices.Contains(left, p.PID()) {
		t.Errorf("found %v, not %d", left, p.PID())
	}
	if left := running(t, mark(t)+"-other", began); len(left) > 0 {
		t.Errorf("another mark: %v", left)
	}
}
