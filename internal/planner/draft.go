package planner

import (
	"context"
	"encoding/json"

	"fairlead/internal/engine"
	"fairlead/internal/step"
)

// A draft is what a plan is made of: its steps, what follows from what they are told, and what is stored for a resume.
type draft struct {
	steps  sequence
	terms  func(engine.Proofs) (engine.Terms, error)
	stored map[string]any // []byte is stored as it is, anything else as JSON
}

// plan asks everything and makes the plan. It takes no lock and writes nothing.
func (p *Planner) plan(ctx context.Context, d draft) (engine.Plan, error) {
	terms, proofs, err := p.survey(ctx, d, p.with.Observe)
	if err != nil {
		return engine.Plan{}, err
	}
	d.stored[step.StoredTerms] = terms
	plan := p.replan(d, terms, proofs)
	plan.Blobs = map[string][]byte{}
	for name, value := range d.stored {
		b, ok := value.([]byte)
		if !ok {
			if b, err = json.Marshal(value); err != nil {
				return engine.Plan{}, err
			}
		}
		plan.Blobs[name] = b
	}
	return plan, plan.Validate()
}

// replan is the plan of an open run, made again from what was stored. What it asks under the lock is asked without a
// word on the screen.
func (p *Planner) replan(d draft, t engine.Terms, known engine.Proofs) engine.Plan {
	return engine.Plan{Terms: t, Steps: d.steps.acting(), Proofs: known,
		Reprove: func(ctx context.Context) (engine.Terms, engine.Proofs, error) {
			return p.survey(ctx, d, func(engine.Event) {})
		}}
}

func (p *Planner) survey(ctx context.Context, d draft, observe engine.Observer) (engine.Terms, engine.Proofs, error) {
	proofs, err := engine.Survey(ctx, d.steps.asking(), nil, p.with.Now, observe)
	if err != nil {
		return engine.Terms{}, nil, err
	}
	terms, err := d.terms(proofs)
	return terms, proofs, err
}

// store adds what is needed to apply a migration later. A command is in the terms.
func (d *draft) store(m *step.Migration) {
	if m != nil && !m.Commanded() {
		d.stored[step.StoredScript], d.stored[step.StoredSQL] = m.Script, m.SQL
	}
}
