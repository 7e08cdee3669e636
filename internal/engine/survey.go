package engine

import (
	"context"
	"maps"
	"time"
)

// Survey runs planning steps in order. It takes no lock and writes nothing; each step may use the proofs of those
// before it, which start with known. It stops at the first error, with the proofs so far.
func Survey(ctx context.Context, steps []Step, known Proofs, now func() time.Time, observe Observer) (Proofs, error) {
	proofs := Proofs{}
	maps.Copy(proofs, known)
	for i, s := range steps {
		spec, began := s.Spec(), now()
		observe(StepBegan{At: began, Spec: spec, Index: i + 1, Of: len(steps)})
		in := Input{Proofs: proofs,
			Say: func(p Progress) { observe(StepProgress{At: now(), Step: spec.Name, Progress: p}) }}
		e, err := s.Run(ctx, in)
		rec := Record{Verdict: Failed, Step: spec.Name}
		if err == nil {
			rec = Record{Verdict: Proven, Step: spec.Name, Kind: e.Kind(), Evidence: encode(e), Why: e.String()}
			err = proofs.Add(e)
		}
		observe(StepEnded{At: now(), Spec: spec, Record: rec, Took: now().Sub(began), Err: err})
		if err != nil {
			return proofs, err
		}
	}
	return proofs, nil
}
