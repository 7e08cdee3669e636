package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/config"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

func TestOutcomeOf_says_how_an_error_ends(t *testing.T) {
	_, missing := config.Load("nowhere.yaml", os.LookupEnv)
	for claim, c := range map[string]struct {
		err  error
		want int
	}{
		"no error":                                    {nil, 0},
		"a wrong call":                                {usagef("no"), 1},
		"a missing configuration":                     {missing, 1},
		"an ordinary error, before anything":          {errors.New("disk full"), 1},
		"an interrupt, before anything":               {context.Canceled, 1},
		"a fault that knows":                          {fmt.Errorf("x: %w", &fault.Fault{Outcome: fault.Unknown}), 7},
		"a fault that does not know":                  {&fault.Fault{Code: "x"}, 1},
		"a fault that wraps who is busy":              {&fault.Fault{Code: "x", Err: engine.ErrBusy}, 8},
		"another run":                                 {fmt.Errorf("x: %w", &engine.Busy{}), 8},
		"an operator who was overtaken":               {&fence.Overtaken{}, 8},
		"somebody faster":                             {chain.ErrOvertaken, 8},
		"nobody to ask":                               {fmt.Errorf("x: %w", decide.ErrNobody), 9},
		"a plan that changed":                         {engine.ErrPlanChanged, 3},
		"a broken ledger":                             {chain.ErrBroken, 3},
		"a ledger that is missing":                    {chain.ErrMissing, 3},
		"another ledger":                              {fence.ErrOtherLedger, 3},
		"an ending that is printed already":           {ended{fault.RolledBack}, 5},
		"an ending that nobody decided, by precedent": {ended{0}, 7},
	} {
		if got := outcomeOf(c.err).Exit(); got != c.want {
			t.Errorf("%s ends with %d, want %d", claim, got, c.want)
		}
	}
}

func TestExit_statuses_never_look_like_a_crash_and_never_coincide(t *testing.T) {
	seen := map[int]fault.Outcome{}
	for _, o := range fault.Outcomes() {
		if o.Exit() == 2 || o.Exit() > 9 || o.Exit() < 0 {
			t.Errorf("%s has the exit status %d", o, o.Exit())
		}
		if other, twice := seen[o.Exit()]; twice {
			t.Errorf("%s and %s both end with %d", o, other, o.Exit())
		}
		seen[o.Exit()] = o
	}
}

func TestDocs_show_the_table_of_the_program(t *testing.T) {
	b, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| exit | outcome | production |\n|---|---|---|\n")
	for _, o := range fault.Outcomes() {
		fmt.Fprintf(&want, "| %d | %s | %s |\n", o.Exit(), o, o.Production())
	}
	if !strings.Contains(string(b), want.String()+"\n") {
		t.Errorf("docs/exit-codes.md must hold exactly this table:\n%s", want.String())
	}
}

func TestDocs_name_every_code_of_this_package(t *testing.T) {
	doc, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("only %d files: %v", len(files), err)
	}
	code := regexp.MustCompile(`(?:Code: |\.Code, f\.\w+ = |\.Code, f\.What, f\.\w+ = )"([a-z-]+)"`)
	found := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			found++
			if !strings.Contains(string(doc), "`"+m[1]+"`") {
				t.Errorf("%s: the code %q is not in docs/exit-codes.md", f, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d codes were found: the test looks in the wrong place", found)
	}
}

func TestBorder_always_gives_three_parts(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a := &app{Edge: Edge{Now: time.Now, Out: io.Discard, Err: io.Discard, Env: os.LookupEnv}}
	for _, err := range []error{usagef("x"), errors.New("x"), context.Canceled, decide.ErrNobody, chain.ErrBroken, fence.ErrOtherLedger,
		&engine.Busy{Run: engine.Summary{Run: "r-1", Holder: "ana"}, Last: time.Now()}} {
		f := a.border(ctx, err)
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
		if got := outcomeOf(notOpened(c.err)).Exit(); got != c.want {
			t.Errorf("%s: %d, want %d", claim, got, c.want)
		}
		if got := outcomeOf(notTaken(c.err)).Exit(); got != c.want && got != 7 {
			t.Errorf("a takeover, %s: %d", claim, got)
		}
	}
}
