package engine

import "encoding/json"

// past is what the ledger says of a run's steps.
type past struct {
	steps map[Name]stepPast
	// a mutating step has begun; gates are not asked again
	begun bool
}

type stepPast struct {
	// the last of began, proven, failed, unclear; "" when the ledger says nothing
	verdict  Verdict
	evidence json.RawMessage
	kind     Kind
	why      string
	// some record of it says that production was changed
	changed bool
	facts   []Fact
}

// remember folds the records of a run.
func remember(records []Record) past {
	p := past{steps: map[Name]stepPast{}}
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
	// probe; Present is adopted, Absent and Underway act, Doubtful stops
	LookThenAct Move = iota + 1
	// the evidence of the ledger holds
	PassOver
	// run without asking what the ledger says (yesterday's health is not health)
	ActAgain
	// probe; Absent acts only with a reason, anything not certain stops
	LookHard
)

// Resume is the resume table: what the ledger says of a step, what a second run would do, and whether a mutating step
// has begun. Until then everything is proved again and nothing is passed over.
func Resume(v Verdict, e Effect, begun bool) Move {
	switch {
	case v == "":
		return LookThenAct
	case v == Proven && e == ReadsAgain:
		return ActAgain
	case v == Proven && !begun:
		return LookThenAct
	case v == Proven:
		return PassOver
	case e != Once:
		return LookThenAct
	case v == Failed:
		return LookThenAct
	}
	return LookHard
}
