package floors

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// raised finds a fault's code where one is made: in a literal, in an assignment, or handed to what makes the fault.
var raised = regexp.MustCompile(
	`(?:Code: *|\bfault\(|\brefused?\(|\bproblem\(|Problem\{(?:Code: *)?|\.Code(?:, f\.\w+)* = (?:\w+, )?)` +
		`"([a-z]+(?:-[a-z]+)*)"`)

// otherCodes are folders with codes of another kind: those of the wire and of findings in SQL, and what is only for
// tests.
var otherCodes = regexp.MustCompile(
	`^internal/(wire/[^/]*$|sqltext/|sqlreview/|ui/|lab/|world/|floors/|[a-z/]*test/|[a-z]*/fake/)`)

// documented is a row of the page of codes.
var documented = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")

// unseen are the codes that no test names yet. Each was followed by hand from a command to the line that makes it.
func unseen() []string {
	return []string{
		"agent-too-old", "backup-ephemeral", "backup-not-configured", "backup-not-pruned", "backup-sealed",
		"cannot-tell", "catalog-unreadable", "command-changed", "command-marker", "command-not-started",
		"command-unsettled", "command-via", "database-not-configured", "history-unreadable", "holder-not-stopped",
		"ledger-ephemeral", "ledger-unreadable", "ledger-unwritten", "left-at-once", "markers-unread",
		"migration-failed", "migration-open", "migration-partial", "migration-unknown", "migration-unreviewable",
		"not-attempted", "not-recorded", "note-waiting", "release-never-ran", "restore-failed", "restore-not-swapped",
		"rollback-open", "run-not-abandoned", "run-not-opened", "run-not-taken", "run-unreadable", "smoke-failed",
		"step-failed", "waivers-unreadable",
	}
}

// files gives every file below a folder of the module that is wanted, by its path there.
func files(t *testing.T, folder string, wanted func(path string) bool) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if rel = filepath.ToSlash(rel); err != nil || d.IsDir() || !wanted(rel) {
			return err
		}
		text, err := os.ReadFile(path)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// raisedCodes gives every code of a fault and a file that makes it.
func raisedCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for path, text := range files(t, "internal", func(path string) bool {
		return strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !otherCodes.MatchString(path)
	}) {
		for _, m := range raised.FindAllStringSubmatch(text, -1) {
			codes[m[1]] = path
		}
	}
	if len(codes) < 80 {
		t.Fatalf("only %d codes were found: the test looks in the wrong place", len(codes))
	}
	return codes
}

func TestTroubleshooting_names_every_code_that_a_fault_can_have_and_no_other(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	codes, named := raisedCodes(t), map[string]bool{}
	for _, m := range documented.FindAllStringSubmatch(string(page), -1) {
		if named[m[1]] {
			t.Errorf("docs/troubleshooting.md names %s twice", m[1])
		}
		named[m[1]] = true
		if codes[m[1]] == "" {
			t.Errorf("docs/troubleshooting.md names %s, which no fault has", m[1])
		}
	}
	for code, file := range codes {
		if !named[code] {
			t.Errorf("%s: the code %s is not in docs/troubleshooting.md", file, code)
		}
	}
}

// A code that nothing can raise cannot be seen by a test: the one that stood behind a condition that was always met
// before was found so.
func TestEvery_code_was_raised_once_in_a_test(t *testing.T) {
	seen := map[string]bool{}
	word := regexp.MustCompile(`[a-z]+(?:-[a-z]+)*`)
	for _, text := range files(t, "internal", func(path string) bool {
		return strings.HasSuffix(path, "_test.go") && !strings.HasPrefix(path, "internal/floors/") ||
			strings.Contains(path, "/testdata/") || strings.HasPrefix(path, "internal/lab/")
	}) {
		for _, w := range word.FindAllString(text, -1) {
			seen[w] = true
		}
	}
	codes := raisedCodes(t)
	for code, file := range codes {
		switch listed := slices.Contains(unseen(), code); {
		case seen[code] && listed:
			t.Errorf("a test names the code %s now: take it out of unseen", code)
		case !seen[code] && !listed:
			t.Errorf("%s: no test names the code %s: raise it in one", file, code)
		}
	}
	for _, code := range unseen() {
		if codes[code] == "" {
			t.Errorf("unseen names %s, which no fault has", code)
		}
	}
}
