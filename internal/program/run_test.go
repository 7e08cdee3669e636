package program

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestRun_passes_with_status_0_and_tells_the_end_of_what_was_said(t *testing.T) {
	for claim, c := range map[string]struct {
		script, says string
	}{
		"it passes": {`test "$X" = y`, ""},
		"it fails":  {`echo nothing works >&2; exit 3`, "exit status 3: nothing works"},
		"it says much": {`i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 1`,
			"line 1999"},
		"it does not end":              {`sleep 60`, "did not end within"},
		"what it started does not end": {`sleep 60 & wait`, "did not end within"},
	} {
		began := time.Now()
		err := Run(context.Background(), 300*time.Millisecond, []string{"PATH=/usr/bin:/bin", "X=y"},
			[]string{"sh", "-c", c.script})
		if (c.says == "") != (err == nil) || err != nil &&
			(!strings.Contains(err.Error(), c.says) || len(err.Error()) > maxSaid+100) {
			t.Errorf("%s: %v, want %q", claim, err, c.says)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: it took %v", claim, took)
		}
	}
	if Run(context.Background(), time.Second, nil, nil) == nil ||
		Run(context.Background(), time.Second, nil, []string{"/no/such/program"}) == nil {
		t.Error("no program passes")
	}
}
