package badinput

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// given finds a fault's code where one is made: in a literal, in an assignment, or handed to what makes the fault.
var given = regexp.MustCompile(`(?:Code: *|\bfault\(|\brefused?\(|\bproblem\(|Problem\{(?:Code: *)?|\.Code(?:, f\.\w+)* = (?:\w+, )?)"([a-z]+(?:-[a-z]+)*)"`)

// others are folders with codes of another kind: those of the wire and of findings in SQL, and what is only for tests.
var others = regexp.MustCompile(`^internal/(wire/[^/]*$|sqltext/|sqlreview/|ui/|lab/|world/|[a-z/]*test/|[a-z]*/fake/)`)

func TestTroubleshooting_names_every_code_that_a_fault_can_have(t *testing.T) {
	root := "../../.."
	page, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		if named[m[1]] {
			t.Errorf("docs/troubleshooting.md names %s twice", m[1])
		}
		named[m[1]] = true
	}
	codes := map[string]string{}
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || others.MatchString(rel) {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range given.FindAllStringSubmatch(string(text), -1) {
			codes[m[1]] = rel
		}
		return err
	})
	if err != nil || len(codes) < 80 {
		t.Fatalf("only %d codes were found: %v", len(codes), err)
	}
	for code, file := range codes {
		if !named[code] {
			t.Errorf("%s: the code %s is not in docs/troubleshooting.md", file, code)
		}
	}
	for code := range named {
		if codes[code] == "" {
			t.Errorf("docs/troubleshooting.md names %s, which no fault has", code)
		}
	}
}
