package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead/internal/atomicfile"
	"fairlead/internal/engine"
	"fairlead/internal/sqltext"
)

type planOptions struct {
	what    string
	release string
	out     string
	runbook bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan TAG | --release FILE",
		Short: "Show what a deployment would do; take no lock, write nothing",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.what = args[0]
			}
			return runPlan(c.Context(), a, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.release, "release", "", "the release file, instead of the configured source")
	f.StringVarP(&o.out, "output", "o", "", "write the plan into this file, for deploy PLANFILE")
	f.BoolVar(&o.runbook, "as-runbook", false, "print the whole as commands to be typed by hand")
	return c
}

// runPlan plans and prints. An open run does not stop it: planning looks only.
func runPlan(ctx context.Context, a *app, o planOptions) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	found, want, err := find(ctx, c, o.what, o.release)
	if err != nil {
		return err
	}
	p, screen, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	plan, err := p.PlanDeploy(ctx, found)
	if err != nil {
		return err
	}
	screen.close()
	if err := want.same(plan.Terms); err != nil {
		return err
	}
	if o.out != "" {
		if err := writePlan(o.out, plan.Terms); err != nil {
			return err
		}
	}
	switch {
	case a.json:
		fingerprint, err := plan.Terms.Fingerprint()
		a.printJSON(planned{Fingerprint: fingerprint, Terms: plan.Terms, Proofs: plan.Proofs})
		return err
	case o.runbook:
		runbook(a.Out, plan, p.ByHand())
		return nil
	}
	units, err := unitsOf(plan)
	if err != nil {
		return err
	}
	planView(a.Out, plan.Terms, plan.Proofs, units)
	return nil
}

// planned is what plan --json prints.
type planned struct {
	Fingerprint string        `json:"fingerprint"`
	Terms       engine.Terms  `json:"terms"`
	Proofs      engine.Proofs `json:"proofs"`
}

// showPlan prints the plan as part of the story, before anybody is asked.
func (a *app) showPlan(plan engine.Plan) error {
	units, err := unitsOf(plan)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Err)
	planView(a.Err, plan.Terms, plan.Proofs, units)
	fmt.Fprintln(a.Err)
	return nil
}

// unitsOf reads the table of units that the plan carries.
func unitsOf(plan engine.Plan) ([]sqltext.Unit, error) {
	raw, ok := plan.Blobs["units"]
	if !ok {
		return nil, nil
	}
	var s sqltext.Script
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read the plan's table of units: %w", err)
	}
	return s.Units, nil
}

func writePlan(path string, t engine.Terms) error {
	b, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return atomicfile.Write(path, append(b, '\n'), 0o644)
}
