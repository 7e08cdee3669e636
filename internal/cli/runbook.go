package cli

import (
	"fmt"
	"io"

	"fairlead/internal/engine"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/ui"
)

// runbook prints a plan as commands to be typed by hand: for the day on which fairlead itself cannot be used.
func runbook(w io.Writer, plan engine.Plan, byHand target.Runbook) {
	t := plan.Terms
	fmt.Fprintf(w, "# %s %s of %s in %s, by hand\n", t.Action, ui.Clean(t.Tag), ui.Clean(t.App), ui.Clean(t.Environment))
	fmt.Fprintf(w, "# target: %s\n", ui.Clean(t.Target))
	for _, img := range t.Images {
		fmt.Fprintf(w, "#   %-10s %s\n", img.Service, img.Ref())
	}
	for _, img := range t.Baseline {
		fmt.Fprintf(w, "#   the way back: %-10s %s\n", img.Service, img.Ref())
	}
	specs := []engine.Spec{step.Check{ByHand: byHand}.Spec(), step.Confirm{ByHand: byHand}.Spec()}
	if t.Action == engine.Rollback {
		specs = specs[:1]
	}
	if t.Migration != nil {
		specs = append(specs, step.Review{}.Spec())
	}
	specs = append(specs, step.Baseline{ByHand: byHand}.Spec())
	for _, s := range plan.Steps {
		specs = append(specs, s.Spec())
	}
	for i, s := range specs {
		fmt.Fprintf(w, "\n# %d. %s", i+1, s.Title)
		if s.Mutates != engine.Nothing {
			fmt.Fprintf(w, "   (changes %s)", changes(s.Mutates))
		}
		fmt.Fprintln(w)
		for _, line := range s.Runbook {
			fmt.Fprintln(w, ui.Clean(line))
		}
	}
	fmt.Fprintf(w, "\n# afterwards, so that the record is whole:\nfairlead record manual --reason '%s by hand'\n", ui.Clean(t.Tag))
}
