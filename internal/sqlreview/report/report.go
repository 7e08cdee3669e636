// Package report is what a review says, in the JSON that others rely on: findings and claims, the policy that they are
// weighed by, and the trace of a trial to compare the claims with.
package report

import (
	"fmt"
	"slices"
	"strings"
)

// String says who answers and until when.
func (w Waived) String() string {
	by := ""
	if w.By != "" {
		by = w.By + ": "
	}
	return fmt.Sprintf("%s%q, until %s", by, w.Reason, w.Until)
}

// Waived lists the findings for which somebody answers.
func (r Report) Waived() []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Waived == nil })
}

// Schema names the version of the report's JSON.
const Schema = "fairlead.review/v1"

// Verdict is the answer of a review.
type Verdict string

// The verdicts, from best to worst.
const (
	Pass  Verdict = "pass"
	Warn  Verdict = "warn"
	Block Verdict = "block"
)

// Severity says how much a finding counts.
type Severity string

// The severities. SeverityInfo never changes the verdict.
const (
	SeverityInfo  Severity = "info"
	SeverityWarn  Severity = "warn"
	SeverityBlock Severity = "block"
)

// Compatibility answers whether the image that runs now works on the new schema.
type Compatibility string

// The answers, from best to worst.
const (
	Compatible   Compatibility = "compatible"
	Conditional  Compatibility = "conditional"
	Unknown      Compatibility = "unknown"
	Incompatible Compatibility = "incompatible"
)

// Idempotency says why it is harmless to run the script again.
type Idempotency string

// The reasons, from best to worst.
const (
	Guarded       Idempotency = "guarded" // each statement may run twice
	Atomic        Idempotency = "atomic"  // each unit is one transaction, or has a probe, and is recorded
	NotIdempotent Idempotency = "no"
)

// Report is the result of a review, in the JSON that others rely on.
type Report struct {
	Schema        string            `json:"schema"`
	Verdict       Verdict           `json:"verdict"`
	Compatibility Compatibility     `json:"compatibility"`
	Idempotent    Idempotency       `json:"idempotent"`
	Coverage      Coverage          `json:"coverage"`
	Catalog       bool              `json:"catalog"` // a catalog was given; without one, doubt blocks
	Files         []FileReport      `json:"files"`
	Findings      []Finding         `json:"findings"`
	LeftOut       int               `json:"left_out,omitempty"` // findings that are not shown; they count
	Silenced      int               `json:"silenced,omitempty"` // findings of rules that the policy has switched off
	Statements    []StatementReport `json:"statements"`
	Unlisted      int               `json:"unlisted,omitempty"` // statements that are not listed; they were reviewed
	Traces        []Traced          `json:"traces,omitempty"`

	// Policy is what the findings were weighed by.
	Policy Policy `json:"-"`
}

// FileReport names one file that was reviewed.
type FileReport struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Units  int    `json:"units"`
}

// Coverage counts statements.
type Coverage struct {
	Reviewed int `json:"reviewed"`
	Total    int `json:"total"`
}

// Finding is one thing that a person should know before the script runs. Evidence is text, catalog or trace: what the
// finding rests on.
type Finding struct {
	Rule        string   `json:"rule"`
	Severity    Severity `json:"severity"`
	File        string   `json:"file"`
	Line        int      `json:"line"`
	Column      int      `json:"column"`
	Message     string   `json:"message"`
	Why         string   `json:"why"`
	Do          string   `json:"do"`
	Evidence    string   `json:"evidence"`
	Fingerprint string   `json:"fingerprint"`
	Waived      *Waived  `json:"waived,omitempty"` // somebody answers for it, so it does not block
	// what it would be without the team's policy, where that differs
	Plain     Severity `json:"plain_severity,omitempty"`
	Disproved bool     `json:"disproved,omitempty"` // a trial saw no such work

	// statement is the index in its file of the statement it is about, or -1; sha256 is of the file.
	Statement int    `json:"-"`
	Sha256    string `json:"-"`
}

// Waived says who answers for a finding, why and until when. How is exception (a comment in the file) or waiver (beside
// it).
type Waived struct {
	How    string `json:"how"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason"`
	Until  string `json:"until"`
}

// StatementReport says what one statement will do. A statement inside a DO block or a called function has an entry of
// its own, with its own line.
type StatementReport struct {
	File          string        `json:"file"`
	Line          int           `json:"line"`
	Statement     int           `json:"statement"` // index in its file of the statement that executes it
	Kind          string        `json:"kind"`
	Unit          int           `json:"unit"`              // index of its unit, or -1
	Guarded       bool          `json:"guarded,omitempty"` // stands under a condition: it may not run
	Compatibility Compatibility `json:"compatibility"`
	Claims        Claims        `json:"claims"`
}

// Claims is what a statement will do to relations that exist before the script. Fails is empty, or says why the
// statement certainly fails.
type Claims struct {
	Locks    []Lock   `json:"locks"`
	Rewrites []string `json:"rewrites"`
	Scans    []string `json:"scans"`
	Builds   []string `json:"builds"`
	Fails    string   `json:"fails"`
	// FailsIf says what could make the statement fail that no catalog tells.
	FailsIf string `json:"fails_if,omitempty"`
	// MayLock are relations that are locked depending on rows; "*" means any.
	MayLock []string `json:"may_lock,omitempty"`
	// MayScan are relations that a query of the statement reads; the planner decides how.
	MayScan []string `json:"may_scan,omitempty"`
}

// Lock is a lock on a relation, in PostgreSQL's words (ACCESS EXCLUSIVE).
type Lock struct {
	Relation string `json:"relation"`
	Mode     string `json:"mode"`
}

// Worse gives the worse of two answers.
func Worse(a, b Compatibility) Compatibility {
	all := []Compatibility{Conditional, Unknown, Incompatible}
	if slices.Index(all, b) > slices.Index(all, a) {
		return b
	}
	return a
}

// Merge adds the report of other files.
func (r *Report) Merge(p Report) {
	if p.Verdict == Block || p.Verdict == Warn && r.Verdict == Pass {
		r.Verdict = p.Verdict
	}
	if p.Idempotent == NotIdempotent || p.Idempotent == Atomic && r.Idempotent == Guarded {
		r.Idempotent = p.Idempotent
	}
	r.Compatibility = Worse(r.Compatibility, p.Compatibility)
	r.Coverage.Reviewed += p.Coverage.Reviewed
	r.Coverage.Total += p.Coverage.Total
	r.LeftOut += p.LeftOut
	r.Unlisted += p.Unlisted
	r.Silenced += p.Silenced
	if len(r.Statements) == 0 {
		r.Statements = p.Statements
	} else {
		r.Statements = append(r.Statements, p.Statements...)
	}
	r.Files, r.Findings = append(r.Files, p.Files...), append(r.Findings, p.Findings...)
}

// Judge raises the verdict to what the findings say.
func (r *Report) Judge() {
	for _, f := range r.Findings {
		if f.Waived == nil {
			r.Raise(f.Severity)
		}
	}
}

// Raise raises the verdict to what a finding of that severity says.
func (r *Report) Raise(s Severity) {
	switch {
	case s == SeverityBlock:
		r.Verdict = Block
	case s == SeverityWarn && r.Verdict == Pass:
		r.Verdict = Warn
	}
}

// Complete sorts and turns nil into empty, so that the JSON has lists.
func (c Claims) Complete() Claims {
	c.Locks = append([]Lock{}, c.Locks...)
	slices.SortFunc(c.Locks, func(a, b Lock) int { return strings.Compare(a.Relation+a.Mode, b.Relation+b.Mode) })
	c.Locks = slices.Compact(c.Locks)
	c.Rewrites, c.Scans, c.Builds = unique(c.Rewrites), unique(c.Scans), unique(c.Builds)
	return c
}

func unique(in []string) []string {
	out := append([]string{}, in...)
	slices.Sort(out)
	return slices.Compact(out)
}
