package engine

import "encoding/json"

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
