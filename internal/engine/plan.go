package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead/internal/release"
)

// TermsSchema is the version of the layout that a fingerprint is made of.
const TermsSchema = "fairlead.plan/1"

// An Action is what a plan does.
type Action string

// The actions.
const (
	Deploy   Action = "deploy"
	Rollback Action = "rollback"
	// Migrate: a migration alone: no image, no service
	Migrate Action = "migrate"
)

// A Reaction is what policy says to do when a run fails after production began to change.
type Reaction string

// The reactions.
const (
	RollBack Reaction = "rollback"
	Ask      Reaction = "ask"
)

// OnFailure is the policy for a failure after production began to change. Migrated counts when a unit was committed
// after this run's baseline was read.
type OnFailure struct {
	Unmigrated Reaction `json:"unmigrated"`
	Migrated   Reaction `json:"migrated"`
}

// Terms is what gets approved. Its canonical form (RFC 8785) is the fingerprint, so it holds no run id, time, path, row
// count or size. What was approved is what runs, or the approval lapses. Claims, Units, Review and Settings are sha256:
// of what is claimed of the release (left out where only the release itself says so), of the table of units, of
// verdict, findings' fingerprints and waivers, and of the settings of all steps.
type Terms struct {
	Schema      string `json:"schema"`
	Action      Action `json:"action"`
	App         string `json:"app"`
	Environment string `json:"environment"`
	ReleaseID   string `json:"release_id,omitempty"`
	Tag         string `json:"tag"`
	Commit      string `json:"commit,omitempty"`
	Claims      string `json:"claims,omitempty"`
	// Images: desired, sorted by service
	Images    []release.Image    `json:"images"`
	Migration *release.Migration `json:"migration"`
	Units     string             `json:"units,omitempty"`
	Review    string             `json:"review,omitempty"`
	// Target: kind, hosts and project, readable
	Target string `json:"target"`
	// Baseline: what runs now, empty for a first deployment; BaselineOn: what hosts run that do not run it
	Baseline   []release.Image            `json:"baseline"`
	BaselineOn map[string][]release.Image `json:"baseline_on,omitempty"`
	Rollout    release.Rollout            `json:"rollout,omitzero"`
	// Bundle: fingerprint of the configuration bundle
	Bundle    string    `json:"bundle"`
	Settings  string    `json:"settings"`
	Steps     []Name    `json:"steps"`
	OnFailure OnFailure `json:"on_failure"`
	// Approval: the kind demanded, like "none (two-person team)"
	Approval string `json:"approval"`
}

// RanOn gives what a host ran when the plan was made.
func (t Terms) RanOn(host string) []release.Image {
	if own, ok := t.BaselineOn[host]; ok {
		return own
	}
	return t.Baseline
}

// Fingerprint is the SHA-256 of the canonical form, 64 hex digits.
func (t Terms) Fingerprint() (string, error) { return release.Canonical(t) }

// Difference says in one line how two terms differ, field by field, by their names in the plan file.
func Difference(was, is Terms) string {
	var a, b map[string]json.RawMessage
	// our own encoding of our own struct
	_ = json.Unmarshal(encode(was), &a)
	_ = json.Unmarshal(encode(is), &b)
	var all []string
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if !bytes.Equal(a[k], b[k]) {
			all = append(all, fmt.Sprintf("%s was %s, is %s", k, a[k], b[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[k]; !ok {
			all = append(all, fmt.Sprintf("%s is %s", k, b[k]))
		}
	}
	return strings.Join(all, "; ")
}

// A Plan is what runs: its terms, the steps that make them true, what was proved while planning, and the blobs from
// which another machine can go on (by their names: "terms", "release", "sql", "review", "units").
type Plan struct {
	Terms  Terms
	Steps  []Step
	Proofs Proofs
	Blobs  map[string][]byte
	// Reprove plans again, now under the lock; nil for plans whose terms cannot have changed.
	Reprove func(context.Context) (Terms, Proofs, error)
}

// Validate tells when a step needs evidence that no earlier step leaves, when a name stands twice, or when terms and
// steps disagree.
func (p Plan) Validate() error {
	have := map[Kind]bool{}
	for k := range p.Proofs {
		have[k] = true
	}
	var names []Name
	for _, s := range p.Steps {
		spec := s.Spec()
		if slices.Contains(names, spec.Name) {
			return fmt.Errorf("step %q stands twice", spec.Name)
		}
		for _, need := range spec.Needs {
			if !have[need] {
				return fmt.Errorf("step %q needs %q, which nothing before it proves", spec.Name, need)
			}
		}
		have[spec.Proves] = true
		names = append(names, spec.Name)
	}
	if !slices.Equal(names, p.Terms.Steps) {
		return fmt.Errorf("the terms list the steps %v, the plan has %v", p.Terms.Steps, names)
	}
	return nil
}

// recorded is what the ledger says of a run's steps.
type recorded struct {
	steps map[Name]recordedStep
	// a mutating step has begun; gates are not asked again
	begun bool
}

type recordedStep struct {
	// the last of began, proven, failed, unclear; "" when the ledger says nothing
	verdict  Verdict
	evidence json.RawMessage
	kind     Kind
	why      string
	// some record of it says that production was changed
	changed bool
	facts   []Fact
}

// unclear tells that the step was begun and nobody knows how it ended.
func (s recordedStep) unclear() bool { return s.verdict == Began || s.verdict == Unclear }

// fold reads the records of a run.
func fold(records []Record) recorded {
	p := recorded{steps: map[Name]recordedStep{}}
	for _, r := range records {
		s := p.steps[r.Step]
		switch r.Verdict {
		case Began, Failed, Unclear:
			s.verdict, s.why = r.Verdict, r.Why
		case Proven:
			s.verdict, s.why, s.evidence, s.kind = r.Verdict, r.Why, r.Evidence, r.Kind
		case Noted:
			s.facts = append(s.facts, Fact{Kind: r.Kind, Body: r.Evidence})
		default:
			continue
		}
		s.changed = s.changed || r.Changed
		p.steps[r.Step] = s
	}
	return p
}

// A Move is what the engine does with a step of a run that goes on.
type Move int

// The moves.
const (
	// ProbeThenAct: probe; Done is adopted, NotDone and InProgress act, Unknown stops
	ProbeThenAct Move = iota + 1
	// Skip: the evidence of the ledger holds
	Skip
	// ActAgain: run without asking what the ledger says (yesterday's health is not health)
	ActAgain
	// RequireCertainty: probe; NotDone acts only with a reason, anything not certain stops
	RequireCertainty
)

// Resume is the resume table: what the ledger says of a step, what a second run would do, and whether a mutating step
// has begun. Until then everything is proved again and nothing is passed over.
func Resume(v Verdict, e Effect, begun bool) Move {
	switch {
	case v == Proven && e == ReadsAgain:
		return ActAgain
	case v == Proven && begun:
		return Skip
	case e == Once && v != "" && v != Proven && v != Failed:
		return RequireCertainty
	}
	return ProbeThenAct
}
