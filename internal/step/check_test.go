package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/target"
)

type looks struct {
	o   target.Observation
	err error
}

func (l looks) Look(context.Context) (target.Observation, error) { return l.o, l.err }

func TestCheck_says_its_own_reason_and_what_to_type(t *testing.T) {
	unready := &fault.Fault{Code: "host-unreachable", What: "x cannot be reached", Means: "?",
		Do: []fault.Command{{Line: "ssh x true"}}}
	host := func(h target.Host) looks { h.Name = "x"; return looks{o: target.Observation{Hosts: []target.Host{h}}} }
	engineDown := fault.Problem{Code: "no-engine", What: "the engine does not answer",
		Do: []fault.Command{{Line: "docker version", Why: "on the host"}}}
	for claim, c := range map[string]struct {
		looks looks
		code  fault.Code
		what  string
		do    string
	}{
		"a host that is away": {looks{err: errors.Join(target.ErrUnreachable, unready)}, "host-unreachable",
			"x cannot be reached", "ssh x true"},
		"an answer without a reason": {looks{err: errors.New("odd")}, "target-unready",
			"the target does not answer as it must", "fairlead check"},
		"a clock that is ahead": {host(target.Host{Skew: 5 * time.Minute}), "clock-differs",
			"the clock of x is 5m0s ahead of that of this machine", "timedatectl"},
		"a clock that is behind": {host(target.Host{Skew: -5 * time.Minute}), "clock-differs",
			"the clock of x is 5m0s behind that of this machine", "timedatectl"},
		"a disk that is full": {host(target.Host{Free: 1 << 20}), "disk-full",
			"only 1 MB are free for images on x, 512 are needed", "look for room"},
		"a lost ledger": {host(target.Host{Known: fence.Ticket{Ledger: "abc"}}), "ledger-unusable",
			"host x knows the ledger abc, but there is none", "fairlead ledger verify"},
		"one problem": {looks{o: target.Observation{Problems: []fault.Problem{engineDown}}}, "no-engine",
			"the engine does not answer", "docker version"},
		"two problems": {looks{o: target.Observation{
			Problems: []fault.Problem{engineDown, {Code: "y", What: "second"}}}}, "check-failed",
			"2 things stand against a release\n1. the engine does not answer\n2. second", "docker version"},
	} {
		check := Check{Target: c.looks, ByHand: target.Runbook{Room: "look for room"},
			Ledger: func(context.Context) (string, error) { return "", nil }}
		_, err := check.Run(t.Context(), engine.Input{Say: func(engine.Progress) {}})
		f, ok := fault.Find(err)
		if !ok || f.Code != c.code || !strings.HasPrefix(f.What, c.what) || len(f.Do) == 0 || f.Do[0].Line != c.do {
			t.Errorf("%s: %+v", claim, f)
			continue
		}
		if f.Outcome != fault.Refused || f.Means != unattempted || !fault.IsUntouched(err) {
			t.Errorf("%s: it ends as %s, means %q, untouched %v", claim, f.Outcome, f.Means, fault.IsUntouched(err))
		}
	}
}
