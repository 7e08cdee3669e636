package floors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module, seen from this package.
const root = "../.."

// A source is one parsed file of the module.
type source struct {
	path, pkg string // below the module's root, with slashes
	test      bool
	tree      *ast.File
}

// sources parses every Go file of this module.
func sources(t *testing.T, mode parser.Mode) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			_, other := os.Stat(filepath.Join(path, "go.mod"))
			if path != root && (other == nil || name == "testdata" || name[0] == '.' || name[0] == '_') {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || name[0] == '.' || name[0] == '_' {
			return nil
		}
		tree, err := parser.ParseFile(token.NewFileSet(), path, nil, mode)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		all = append(all, source{path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)),
			test: strings.HasSuffix(name, "_test.go"), tree: tree})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// arrows lists the imports of our own packages.
func arrows(t *testing.T, all []source) []arrow {
	t.Helper()
	var found []arrow
	for _, s := range all {
		for _, i := range s.tree.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if to, ours := strings.CutPrefix(p, module); ours {
				found = append(found, arrow{file: s.path, from: s.pkg, to: to, test: s.test})
			}
		}
	}
	return found
}

func TestEvery_arrow_points_down(t *testing.T) {
	found := arrows(t, sources(t, parser.ImportsOnly))
	if len(found) < 50 {
		t.Fatalf("only %d imports were found: the test looks in the wrong place", len(found))
	}
	for _, a := range found {
		if why := wrong(a); why != "" {
			t.Error(why)
		}
	}
}

func TestEvery_package_stands_on_a_floor(t *testing.T) {
	var seen []string
	for _, s := range sources(t, parser.PackageClauseOnly) {
		if slices.Contains(seen, s.pkg) {
			continue
		}
		seen = append(seen, s.pkg)
		if floorOf(s.pkg) < 0 && !testOnly(s.pkg) {
			t.Errorf("%s stands on no floor: put it into house() or make it test-only", s.pkg)
		}
	}
}

func TestWrong_gives_one_sentence_for_each_wrong_arrow(t *testing.T) {
	for claim, c := range map[string]struct {
		arrow arrow
		says  string
	}{
		"a step may import the engine": {arrow{"f.go", "internal/step", "internal/engine", false}, ""},
		"the engine may not import a step": {arrow{"f.go", "internal/engine", "internal/step", false},
			"which is above it"},
		"nor in a test": {arrow{"f_test.go", "internal/engine", "internal/step", true},
			"which is above it"},
		"adapters do not know each other": {
			arrow{"f.go", "internal/ledger/dir", "internal/target/compose", false}, "do not know each other"},
		"but their tests may": {
			arrow{"f_test.go", "internal/ledger/dir", "internal/target/compose", true}, ""},
		"machines do not know each other": {arrow{"f.go", "internal/engine", "internal/apply", false},
			"do not know each other"},
		"the target's contract speaks of rollout": {arrow{"f.go", "internal/target", "internal/rollout", false}, ""},
		"the other way round it does not": {arrow{"f.go", "internal/rollout", "internal/target", false},
			"which is above it"},
		"the messages carry what machines say":  {arrow{"f.go", "internal/wire", "internal/rollout", false}, ""},
		"a package knows the one above its own": {arrow{"f.go", "internal/wire/stack", "internal/wire", false}, ""},
		"a package may use a room inside it": {
			arrow{"f.go", "internal/sqlreview", "internal/sqlreview/rules", false}, ""},
		"a room may use the room beside it": {
			arrow{"f.go", "internal/sqlreview/rules", "internal/sqlreview/schema", false}, ""},
		"a room in a room, too": {
			arrow{"f.go", "internal/sqlreview/rules/a", "internal/sqlreview/schema", false}, ""},
		"nobody else may enter a room": {arrow{"f.go", "internal/step", "internal/sqlreview/rules", false},
			"only packages of that folder"},
		"not even in a test": {
			arrow{"f_test.go", "internal/step", "internal/sqlreview/rules", true}, "only packages of that folder"},
		"nor the lab": {arrow{"f.go", "internal/lab", "internal/sqlreview/rules", false},
			"only packages of that folder"},
		"an adapter's room is its own": {
			arrow{"f.go", "internal/database/fake", "internal/database/postgres/server", false},
			"only packages of that folder"},
		"a room stands on its owner's floor": {
			arrow{"f.go", "internal/sqlreview/rules", "internal/sqltext", false}, ""},
		"and knows nobody beside its owner": {arrow{"f.go", "internal/sqlreview/rules", "internal/engine", false},
			"do not know each other"},
		"nor anybody above": {
			arrow{"f.go", "internal/database/postgres/server", "internal/assemble", false}, "which is above it"},
		"no fake in production": {arrow{"f.go", "internal/assemble", "internal/target/fake", false},
			"for tests only"},
		"no suite in production": {
			arrow{"f.go", "internal/assemble", "internal/ledger/ledgertest", false}, "for tests only"},
		"no lab in production": {arrow{"f.go", "cmd/fairlead", "internal/lab/app", false},
			"for tests only"},
		"a test may use a suite": {
			arrow{"f_test.go", "internal/ledger/dir", "internal/ledger/ledgertest", true}, ""},
		"a fake may use the world":              {arrow{"f.go", "internal/ledger/fake", "internal/world", false}, ""},
		"the lab may not know the command line": {arrow{"f.go", "internal/lab", "internal/cli", false}, "below cli"},
		"nobody imports what stands nowhere": {arrow{"f.go", "internal/step", "internal/util", false},
			"stands on no floor"},
		"nor imports from there": {arrow{"f.go", "internal/util", "internal/fault", false},
			"stands on no floor"},
	} {
		got := wrong(c.arrow)
		if (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", claim, got, c.says)
		}
	}
}
