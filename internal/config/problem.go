package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/fault"
)

// A Problem is one mistake in the file and where it stands.
type Problem struct {
	File         string
	Line, Column int
	Text         string
}

// String gives "file:line:column: text".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems are all mistakes that were found in one reading, in the order of the file, at most maxProblems.
type Problems []Problem

// maxProblems limits how many mistakes are reported at once.
const maxProblems = 20

// Error gives one line per mistake; several begin on a line of their own.
func (ps Problems) Error() string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, p.String())
	}
	if len(lines) > 1 {
		lines = append([]string{""}, lines...)
	}
	return strings.Join(lines, "\n")
}

// invalid makes the fault that a person reads of problems; nil stays nil. The problems stay reachable with errors.As.
func invalid(ps Problems) error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps,
		func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	what := "the configuration has a mistake"
	if len(ps) > 1 {
		what = fmt.Sprintf("the configuration has %d mistakes", len(ps))
	}
	return &fault.Fault{Code: "config-invalid", What: what, Means: unchanged, Err: ps, Outcome: fault.Misused,
		Do: []fault.Command{{Line: "fairlead check",
			Why: "reads it again once it is corrected, and tests every access"}}}
}

// nearest gives the word that was probably meant, or "".
func nearest(got string, words []string) string {
	best, most := "", 1+len(got)/3
	for _, w := range words {
		if d := distance(got, w); d < most || d == most && best == "" && d <= 2 {
			best, most = w, d
		}
	}
	return best
}

// distance is the number of single-character edits, a swap of neighbours counting as one.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			now[j] = min(last[j], now[j-1], last[j-1]) + 1
			if a[i-1] == b[j-1] {
				now[j] = min(now[j], last[j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}

// oneOf lists words for a sentence: "a", "a or b", "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
