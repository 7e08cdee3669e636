package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/config"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

func TestOutcome_says_how_an_error_ends(t *testing.T) {
	_, missing := config.Load("nowhere.yaml", os.LookupEnv)
	for claim, c := range map[string]struct {
		err  error
		want int
	}{
		"no error":                           {nil, 0},
		"a wrong call":                       {Misused("no"), 1},
		"a missing configuration":            {missing, 1},
		"an ordinary error, before anything": {errors.New("disk full"), 1},
		"an interrupt, before anything":      {context.Canceled, 1},
		"a fault that knows":                 {fmt.Errorf("x: %w", &fault.Fault{Outcome: fault.Unknown}), 7},
		"a fault that does not know":         {&fault.Fault{Code: "x"}, 1},
		"a fault that wraps who is busy":     {&fault.Fault{Code: "x", Err: engine.ErrBusy}, 8},
		"another run":                        {fmt.Errorf("x: %w", &engine.Busy{}), 8},
		"an operator who was overtaken":      {&fence.Overtaken{}, 8},
		"somebody faster":                    {chain.ErrOvertaken, 8},
		"nobody to ask":                      {fmt.Errorf("x: %w", decide.ErrNobody), 9},
		"a plan that changed":                {engine.ErrPlanChanged, 3},
		"a broken ledger":                    {chain.ErrBroken, 3},
		"a ledger that is missing":           {chain.ErrMissing, 3},
		"another ledger":                     {fence.ErrOtherLedger, 3},
	} {
		if got := Outcome(c.err).Exit(); got != c.want {
			t.Errorf("%s ends with %d, want %d", claim, got, c.want)
		}
	}
}

func TestFault_always_gives_three_parts(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range []error{Misused("x"), errors.New("x"), context.Canceled, decide.ErrNobody, chain.ErrBroken,
		fence.ErrOtherLedger,
		&engine.Busy{Run: engine.Summary{Run: "r-1", Holder: "ana"}, Last: time.Now()}} {
		f := Fault(ctx, err, time.Now())
		if f.Code == "" || f.What == "" || f.Means == "" {
			t.Errorf("%v gives %+v", err, f)
		}
		if len(f.Do) == 0 && f.Code != "interrupted" {
			t.Errorf("%v says nothing to do", err)
		}
	}
}

func TestNotOpened_is_never_a_mistake_of_the_call(t *testing.T) {
	for claim, c := range map[string]struct {
		err  error
		want int
	}{
		"the ledger cannot be written": {errors.New("disk full"), 4},
		"somebody else was faster":     {&engine.Busy{}, 8},
		"the ledger is broken":         {chain.ErrBroken, 3},
	} {
		if got := Outcome(notOpened(c.err)).Exit(); got != c.want {
			t.Errorf("%s: %d, want %d", claim, got, c.want)
		}
		if got := Outcome(notTaken(c.err)).Exit(); got != c.want && got != 7 {
			t.Errorf("a takeover, %s: %d", claim, got)
		}
	}
}
