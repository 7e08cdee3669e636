package floors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vendors are the words that belong to somebody's product, and commands those that start one when they stand in a text.
func vendors() []string { return []string{"docker", "compose", "kubernetes", "github", "slack"} }

func commands() []string { return []string{"docker", "kubectl"} }

// mayName tells that a package may have a vendor's word among its identifiers: the vendor's adapter, the agent and its
// messages, the place that knows every adapter, and what never reaches a binary.
func mayName(pkg, word string) bool {
	if testOnly(pkg) || slices.Contains([]string{"internal/agent", "internal/wire", "internal/assemble"}, pkg) {
		return true
	}
	return strings.HasPrefix(pkg, "internal/wire/") || strings.HasPrefix(pkg, "internal/agent/") ||
		strings.Contains(pkg, word)
}

// tolerated are names in other places, each with its reason.
func tolerated() map[string]string {
	return map[string]string{
		"internal/target.Compose": "a host reports the version of its compose tool beside that of its engine",
	}
}

// toleratedText are the packages whose texts name such a command, each with its reason.
func toleratedText() map[string]string {
	return map[string]string{
		"internal/backup/host":    "a store that shares the disk of docker's volumes is no backup of what is in them",
		"internal/cli/scaffold":   "init finds compose files by their names, among them docker-compose.yml",
		"internal/database/reach": "a program in a container is started by docker exec",
		"internal/host":           "the variables by which docker finds its engine go along to the host's commands",
		"internal/registry": "accounts are those of docker's configuration, and docker asks the registry the " +
			"same by hand",
	}
}

func TestVendors_are_named_in_their_adapters_only(t *testing.T) {
	for _, s := range sources(t, parser.SkipObjectResolution) {
		if s.test {
			continue
		}
		for _, name := range words(s.tree) {
			for _, vendor := range vendors() {
				if strings.Contains(strings.ToLower(name), vendor) && !mayName(s.pkg, vendor) &&
					tolerated()[s.pkg+"."+name] == "" {
					t.Errorf("%s names %s; only that vendor's adapter, agent, wire and assemble may speak of %s",
						s.path, name, vendor)
				}
			}
		}
	}
}

func TestCommands_of_vendors_stand_in_their_adapters_texts_only(t *testing.T) {
	needed := map[string]bool{}
	for _, s := range sources(t, parser.SkipObjectResolution) {
		if s.test {
			continue
		}
		for _, text := range texts(s.tree) {
			for _, command := range commands() {
				switch {
				case !strings.Contains(strings.ToLower(text), command), mayName(s.pkg, command),
					s.pkg == "internal/target/compose":
				case toleratedText()[s.pkg] != "":
					needed[s.pkg] = true
				default:
					t.Errorf("%s says %q; a line with %s comes from the target", s.path, text, command)
				}
			}
		}
	}
	for pkg := range toleratedText() {
		if !needed[pkg] {
			t.Errorf("%s is tolerated and needs it no more", pkg)
		}
	}
}

// texts gives the string literals of a file, imports and tags of fields left out.
func texts(file *ast.File) []string {
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			return n.Tag == nil
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				all = append(all, text)
			}
		}
		return true
	})
	return all
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
