package floors

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// module is what every import of our own begins with.
const module = "fairlead/"

// A floor is a row of the house. Its packages know those below it and not each other. A name that ends in "/*" stands
// for every package directly in that folder. A package below one of a floor is a room of its own inside it: see roomOf.
type floor struct {
	name     string
	packages []string
}

// house is the drawing, the ground floor first.
func house() []floor {
	return []floor{
		{"0 (files)", []string{"internal/atomicfile", "internal/filelock"}},
		{"0 (words)", []string{
			"internal/chain", "internal/container", "internal/fault", "internal/fence", "internal/migrator",
			"internal/objectdir",
			"internal/release", "internal/sqltext",
		}},
		{"1 (machines)", []string{
			"internal/apply", "internal/config", "internal/engine", "internal/rollout", "internal/sqlneeds",
			"internal/sqlreview",
		}},
		{"2 (messages, and what a database is asked)", []string{
			"internal/database", "internal/wire", "internal/wire/*",
		}},
		{"3 (contracts and connections)", []string{
			"internal/host", "internal/backup", "internal/decide", "internal/notify", "internal/source",
			"internal/target", "internal/ui",
		}},
		{"4 (steps and adapters)", []string{
			"internal/agent", "internal/approval", "internal/attest", "internal/probe", "internal/program",
			"internal/registry", "internal/step",
			"internal/backup/*", "internal/database/*", "internal/ledger/*", "internal/notify/*", "internal/source/*",
			"internal/target/*", "internal/ui/*", "internal/web",
		}},
		{"5 (deciding)", []string{"internal/applied", "internal/backups", "internal/planner"}},
		{"6 (assemble)", []string{"internal/assemble"}},
		{"7 (pages)", []string{"internal/view"}},
		{"8 (commands)", []string{"internal/operate"}},
		{"9 (cli)", []string{"internal/cli"}},
		{"10 (programs)", []string{"cmd/*"}},
	}
}

// testOnly tells that a package exists for tests and never reaches a binary: the world of the simulator and the fakes
// in it, the lab, the benchmarks, conformance suites, and this package.
func testOnly(pkg string) bool {
	if pkg == "internal/world" || pkg == "internal/floors" || pkg == "internal/compat" {
		return true
	}
	for _, top := range []string{"internal/lab", "bench"} {
		if pkg == top || strings.HasPrefix(pkg, top+"/") {
			return true
		}
	}
	last := path.Base(pkg)
	return last == "fake" || strings.HasSuffix(last, "test")
}

// listed gives the floor that names a package, or -1.
func listed(pkg string) int {
	return slices.IndexFunc(house(), func(f floor) bool {
		return slices.ContainsFunc(f.packages, func(p string) bool {
			folder, many := strings.CutSuffix(p, "/*")
			return p == pkg || many && folder == path.Dir(pkg)
		})
	})
}

// ownerOf gives the package of a floor to which pkg belongs: itself, the nearest one above it, or "".
func ownerOf(pkg string) string {
	for ; pkg != "."; pkg = path.Dir(pkg) {
		if listed(pkg) >= 0 {
			return pkg
		}
	}
	return ""
}

// roomOf gives the package whose inner room pkg is, or "". Only packages at or below that one may import it.
func roomOf(pkg string) string {
	if owner := ownerOf(pkg); owner != pkg {
		return owner
	}
	return ""
}

// floorOf gives the floor on which a package stands, or -1.
func floorOf(pkg string) int { return listed(ownerOf(pkg)) }

// An arrow is one import of one of our packages by another. Test tells that only a _test.go file has it.
type arrow struct {
	file, from, to string
	test           bool
}

// wrong gives one sentence why an arrow may not be, or "".
func wrong(a arrow) string {
	from, to := floorOf(a.from), floorOf(a.to)
	room := roomOf(a.to)
	switch {
	case testOnly(a.to):
		if a.test || testOnly(a.from) {
			return ""
		}
		return fmt.Sprintf("%s imports %s, which is for tests only", a.file, a.to)
	case to < 0:
		return fmt.Sprintf("%s imports %s, which stands on no floor", a.file, a.to)
	case room != "" && a.from != room && !strings.HasPrefix(a.from, room+"/"):
		return fmt.Sprintf("%s imports %s, a room inside %s that only packages of that folder may enter", a.file, a.to,
			room)
	case testOnly(a.from):
		if to < floorOf("internal/cli") {
			return ""
		}
		return fmt.Sprintf("%s imports %s of floor %s; test-only packages may import what is below cli", a.file, a.to,
			house()[to].name)
	case from < 0:
		return fmt.Sprintf("%s is in %s, which stands on no floor", a.file, a.from)
	case to < from, a.test && to == from, ownerOf(a.from) == ownerOf(a.to), strings.HasPrefix(a.from, a.to+"/"):
		return ""
	case to == from:
		return fmt.Sprintf("%s imports %s, but packages of floor %s do not know each other", a.file, a.to,
			house()[to].name)
	}
	return fmt.Sprintf("%s of floor %s imports %s of floor %s, which is above it", a.file, house()[from].name, a.to,
		house()[to].name)
}
