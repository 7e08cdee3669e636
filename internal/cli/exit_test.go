package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/fault"
)

func TestFinish_takes_the_outcome_of_an_ending_that_is_printed_already(t *testing.T) {
	a := &app{Edge: Edge{Out: io.Discard, Err: io.Discard}}
	for outcome, want := range map[fault.Outcome]int{fault.RolledBack: 5, 0: 7} {
		if got := a.finish(t.Context(), fmt.Errorf("x: %w", ended{outcome})); got != want {
			t.Errorf("%v ends with %d, want %d", outcome, got, want)
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

func TestDocs_name_every_code_of_the_commands(t *testing.T) {
	doc, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, dir := range []string{".", "scaffold", "../operate", "../view"} {
		found, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(found) < 3 {
			t.Fatalf("only %d files in %s: %v", len(found), dir, err)
		}
		files = append(files, found...)
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
