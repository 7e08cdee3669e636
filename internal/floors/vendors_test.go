package floors

import (
	"go/ast"
	"go/parser"
	"slices"
	"strings"
	"testing"
)

// vendors are the words that belong to somebody's product.
func vendors() []string { return []string{"docker", "compose", "kubernetes", "github", "slack"} }

// mayName tells that a package may have a vendor's word among its identifiers: the vendor's adapter, the agent and its messages,
// the place that knows every adapter, and what never reaches a binary.
func mayName(pkg, word string) bool {
	if testOnly(pkg) || slices.Contains([]string{"internal/agent", "internal/wire", "internal/assemble"}, pkg) {
		return true
	}
	return strings.HasPrefix(pkg, "internal/wire/") || strings.HasPrefix(pkg, "internal/agent/") || strings.Contains(pkg, word)
}

// tolerated are names in other places, each with its reason.
func tolerated() map[string]string {
	return map[string]string{
		"internal/target.Compose": "a host reports the version of its compose tool beside that of its engine",
	}
}

func TestVendors_are_named_in_their_adapters_only(t *testing.T) {
	for _, s := range sources(t, parser.SkipObjectResolution) {
		if s.test {
			continue
		}
		for _, name := range words(s.tree) {
			for _, vendor := range vendors() {
				if strings.Contains(strings.ToLower(name), vendor) && !mayName(s.pkg, vendor) && tolerated()[s.pkg+"."+name] == "" {
					t.Errorf("%s names %s; only that vendor's adapter, agent, wire and assemble may speak of %s", s.path, name, vendor)
				}
			}
		}
	}
}

// words gives the identifiers of a file that are our own; what a library calls its things is not our word.
func words(file *ast.File) []string {
	var all []string
	var visit func(ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			ast.Inspect(n.X, visit)
			return false
		case *ast.Ident:
			all = append(all, n.Name)
		}
		return true
	}
	ast.Inspect(file, visit)
	return all
}
