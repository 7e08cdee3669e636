package view

import (
	"fairlead/internal/engine"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/ui"
)

// A Runbook is a plan as commands to be typed by hand: for the day on which fairlead itself cannot be used.
type Runbook struct {
	Terms engine.Terms  `json:"terms"`
	Specs []engine.Spec `json:"steps"`
}

// NewRunbook makes the runbook of a plan: its proofs first, then its steps. byHand is what the target gives for both.
func NewRunbook(p engine.Plan, byHand target.Runbook) Runbook {
	t := p.Terms
	specs := []engine.Spec{step.Check{ByHand: byHand}.Spec()}
	if t.Action != engine.Rollback {
		specs = append(specs, step.Confirm{ByHand: byHand}.Spec())
	}
	if t.Migration != nil {
		specs = append(specs, step.Review{}.Spec())
	}
	specs = append(specs, step.Baseline{ByHand: byHand}.Spec())
	for _, s := range p.Steps {
		specs = append(specs, s.Spec())
	}
	return Runbook{t, specs}
}

// Text is the page for people.
func (r Runbook) Text() string {
	t := r.Terms
	var out sheet
	out.line("# %s %s of %s in %s, by hand", t.Action, ui.Clean(t.Tag), ui.Clean(t.App), ui.Clean(t.Environment))
	out.line("# target: %s", ui.Clean(t.Target))
	for _, img := range t.Images {
		out.line("#   %-10s %s", img.Service, img.Ref())
	}
	for _, img := range t.Baseline {
		out.line("#   the way back: %-10s %s", img.Service, img.Ref())
	}
	for i, s := range r.Specs {
		changes := ""
		if s.Mutates != engine.Nothing {
			changes = "   (changes " + Changes(s.Mutates) + ")"
		}
		out.line("\n# %d. %s%s", i+1, s.Title, changes)
		for _, line := range s.Runbook {
			out.line("%s", ui.Clean(line))
		}
	}
	out.line("\n# afterwards, so that the record is whole:\nfairlead record manual --reason '%s by hand'",
		ui.Clean(t.Tag))
	return out.String()
}

// Changes says what a step changes.
func Changes(m engine.Mutation) string {
	switch m {
	case engine.Schema:
		return "the schema of the database"
	case engine.Services:
		return "what runs"
	}
	return "nothing in production"
}
