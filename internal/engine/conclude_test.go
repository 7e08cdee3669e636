package engine

import (
	"errors"
	"testing"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

func TestConclude_tells_the_truth_about_production(t *testing.T) {
	plain := errors.New("cable cut")
	said := func(o fault.Outcome) error { return &fault.Fault{What: "it", Outcome: o} }
	runbook := OnFailure{Unmigrated: RollBack, Migrated: Ask}
	rows := []struct {
		claim string
		in    Situation
		want  Conclusion
	}{
		{"a closed gate is refused", Situation{Err: said(fault.Refused)},
			Conclusion{Outcome: fault.Refused, Close: true}},
		{"a failed backup leaves production unchanged", Situation{Err: fault.MarkUntouched(plain)},
			Conclusion{Outcome: fault.FailedUnchanged, Close: true}},
		{"a step that only looks changes nothing, marked or not", Situation{Err: plain},
			Conclusion{Outcome: fault.FailedUnchanged, Close: true}},
		{"a migration that was rolled back as a whole is unchanged",
			Situation{Err: fault.MarkUntouched(plain), Mutates: Schema},
			Conclusion{Outcome: fault.FailedUnchanged, Close: true}},
		{"a migration without a mark is unknown", Situation{Err: plain, Mutates: Schema, Schema: true},
			Conclusion{Outcome: fault.Unknown}},
		{"a migration that stopped half-way asks",
			Situation{Err: said(fault.Asking), Mutates: Schema, Schema: true, Baseline: true, Policy: runbook},
			Conclusion{Outcome: fault.Asking}},
		{"a rollout that cannot be followed is unknown",
			Situation{Err: said(fault.Unknown), Mutates: Services, Services: true, Baseline: true, Policy: runbook},
			Conclusion{Outcome: fault.Unknown}},
		{"a failed rollout without migration goes back",
			Situation{Err: said(fault.Asking), Mutates: Services, Services: true, Baseline: true, Policy: runbook},
			Conclusion{Outcome: fault.Asking, RollBack: true}},
		{"unhealthy without migration goes back",
			Situation{Err: plain, Services: true, Baseline: true, Policy: runbook},
			Conclusion{Outcome: fault.Asking, RollBack: true}},
		{"unhealthy after a migration asks", Situation{Err: plain, Services: true, Schema: true, Baseline: true,
			Policy: runbook}, Conclusion{Outcome: fault.Asking}},
		{"a first deployment has nothing to go back to", Situation{Err: plain, Services: true, Policy: runbook},
			Conclusion{Outcome: fault.Asking}},
		{"a failed rollback asks", Situation{Err: plain, Services: true, Baseline: true, Rollback: true,
			Policy: OnFailure{RollBack, RollBack}}, Conclusion{Outcome: fault.Asking}},
		{"an interrupted run is not rolled back behind the person's back",
			Situation{Err: plain, Services: true, Baseline: true, Policy: runbook, Interrupted: true},
			Conclusion{Outcome: fault.Asking}},
		{"a host that cannot be reached on resume is unknown",
			Situation{Err: fault.MarkUntouched(plain), Services: true, Unresolved: true, Baseline: true,
				Policy: runbook}, Conclusion{Outcome: fault.Unknown}},
		{"an overtaken holder can say nothing of production",
			Situation{Err: &fence.Overtaken{}, Mutates: Schema, Schema: true}, Conclusion{Outcome: fault.Busy}},
	}
	for _, r := range rows {
		if got := Conclude(r.in); got != r.want {
			t.Errorf("%s: got %+v, want %+v", r.claim, got, r.want)
		}
	}
}
