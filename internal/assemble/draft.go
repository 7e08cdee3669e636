package assemble

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"fairlead/internal/engine"
)

// A draft is what a plan is made of: what is asked, what follows from the answers, what is done, and what is kept for a resume.
type draft struct {
	planning func() []engine.Step
	terms    func(engine.Proofs) (engine.Terms, error)
	acting   []engine.Step
	kept     map[string]any // by blob name; []byte is kept as it is, anything else as JSON
}

// plan asks everything and makes the plan. It takes no lock and writes nothing.
func (p *Project) plan(ctx context.Context, d draft) (engine.Plan, error) {
	terms, proofs, err := p.survey(ctx, d, p.options.Observe)
	if err != nil {
		return engine.Plan{}, err
	}
	blobs, err := blobsOf(terms, d.kept)
	if err != nil {
		return engine.Plan{}, err
	}
	plan := engine.Plan{Terms: terms, Steps: d.acting, Proofs: proofs, Blobs: blobs, Reprove: p.reprove(d)}
	return plan, plan.Validate()
}

// replan is the plan of an open run, made again from what was kept.
func (p *Project) replan(d draft, t engine.Terms, known engine.Proofs) engine.Plan {
	return engine.Plan{Terms: t, Steps: d.acting, Proofs: known, Reprove: p.reprove(d)}
}

// reprove asks the same again, without a word on the screen.
func (p *Project) reprove(d draft) func(context.Context) (engine.Terms, engine.Proofs, error) {
	return func(ctx context.Context) (engine.Terms, engine.Proofs, error) {
		return p.survey(ctx, d, func(engine.Event) {})
	}
}

func (p *Project) survey(ctx context.Context, d draft, observe engine.Observer) (engine.Terms, engine.Proofs, error) {
	proofs, err := engine.Survey(ctx, d.planning(), nil, p.options.Now, observe)
	if err != nil {
		return engine.Terms{}, nil, err
	}
	terms, err := d.terms(proofs)
	return terms, proofs, err
}

func blobsOf(t engine.Terms, kept map[string]any) (map[string][]byte, error) {
	blobs := map[string][]byte{}
	all := maps.Clone(kept)
	all[blobTerms] = t
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if b, ok := all[name].([]byte); ok {
			blobs[name] = b
			continue
		}
		b, err := json.Marshal(all[name])
		if err != nil {
			return nil, err
		}
		blobs[name] = b
	}
	return blobs, nil
}
