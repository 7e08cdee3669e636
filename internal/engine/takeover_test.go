package engine

import (
	"errors"
	"testing"
)

// Between reading the open run and taking it over, its holder may have closed it with a rollback, which is another run
// with another plan.
func TestStillOpen_tells_another_run_from_the_one_that_was_read(t *testing.T) {
	read := Opening{Terms: Terms{Action: Deploy, Tag: "v2"}, Holder: Holder{Name: "ana"}}
	follower := Opening{Terms: Terms{Action: Rollback, Tag: "v1"}, Holder: Holder{Name: "ana"},
		Closes: &Closing{Run: "r-1"}}
	head := func(run RunID, o Opening) Head {
		return Head{Last: []Record{{Run: run, Verdict: Opened, Evidence: encode(o)},
			{Run: run, Verdict: Began, Step: "deploy"}}}
	}
	if err := stillOpen(head("r-1", read), read); err != nil {
		t.Errorf("the same run: %v", err)
	}
	if err := stillOpen(head("r-1-rollback", follower), read); !errors.Is(err, ErrBusy) {
		t.Errorf("its rollback: got %v", err)
	}
	if err := stillOpen(Head{}, read); !errors.Is(err, ErrNoRun) {
		t.Errorf("no run: got %v", err)
	}
}
