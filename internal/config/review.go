package config

import (
	"maps"
	"os"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"fairlead/internal/fault"
)

// Review is what a team makes of the reviewer. It holds for fairlead review, plan and deploy alike. What rules allow is
// checked by who knows them.
type Review struct {
	// A table with fewer rows than this, by the catalog, is small: work on it under a lock informs only. 0: no table is
	// small.
	SmallRows int64 `yaml:"small_rows"`
	// A table of this many MiB or more, without indexes, is big however few rows it has, where the catalog knows its
	// size.
	SmallMiB int64 `yaml:"small_mib"`
	// Another severity for a rule, by its name. Rules about locks and behaviour take off, info, warn and block. All
	// others can be block and nothing less.
	Rules map[string]string `yaml:"rules"`
	// What fairlead review --trace does with a block of a lock rule when the server did no such work. marks: it says
	// so. lowers: on a copy of the target's shape, the block becomes a warning.
	Trace string `yaml:"trace" enum:"marks|lowers"`
}

// Defaults fills in 100,000 rows, 256 MiB, and a trace that only marks.
func (r *Review) Defaults() { r.SmallRows, r.SmallMiB, r.Trace = 100_000, 256, "marks" }

// LoadReview reads only the key review of a file, strictly: what else it needs, be it variables, is not asked for. A
// file that is not there gives the defaults.
func LoadReview(path string) (Config, error) {
	c := Config{}
	c.Review.Defaults()
	b, p, err := read(path, func(string) (string, bool) { return "", false })
	if _, missing := os.Lstat(path); os.IsNotExist(missing) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	node, problems := parseYAML(b, p)
	if len(problems) > 0 {
		return c, invalid(problems)
	}
	c.root = Block{node: node, origin: p}
	d := &decoder{origin: p}
	d.pairs(node, "", func(_ ast.Node, word string, value ast.Node) {
		if word == "review" {
			d.value(value, reflect.ValueOf(&c.Review).Elem(), "review", Key{})
		}
	})
	v := validator{root: c.root, problems: d.problems}
	v.review(c.Review)
	return c, invalid(v.problems)
}

func (v *validator) review(r Review) {
	if r.SmallRows < 0 {
		v.bad("review.small_rows", "review.small_rows must not be below 0, it is %d", r.SmallRows)
	}
	d := decoder{origin: v.root.origin, problems: v.problems}
	levels := Key{Enum: []string{"off", "info", "warn", "block"}}
	for _, rule := range slices.Sorted(maps.Keys(r.Rules)) {
		at := find(v.root.node, "review.rules."+rule)
		d.allowed(at, r.Rules[rule], "review.rules."+fault.Clip(rule, maxShown), levels)
	}
	v.problems = d.problems
	if r.SmallMiB < 1 || r.SmallMiB > 1<<30 {
		v.bad("review.small_mib", "review.small_mib must be between 1 and %d, it is %d", 1<<30, r.SmallMiB)
	}
}
