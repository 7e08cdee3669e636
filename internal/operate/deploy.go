package operate

import (
	"context"
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/view"
)

// Plan says what a deployment would do. An open run does not stop it: planning looks only.
func (o *Operator) Plan(ctx context.Context, w Wanted) (engine.Plan, error) {
	plan, err := o.Project.PlanDeploy(ctx, w.Found)
	if err != nil {
		return plan, err
	}
	return plan, w.same(plan.Terms)
}

// Deploy takes a release into production: it plans, shows the plan, has it approved and carries it out. Reason is for
// the record.
func (o *Operator) Deploy(ctx context.Context, w Wanted, reason string) (view.Page, error) {
	if err := o.Free(ctx); err != nil {
		return nil, err
	}
	plan, err := o.Plan(ctx, w)
	if err != nil {
		return nil, err
	}
	page, err := view.NewPlan(plan)
	if err != nil {
		return nil, err
	}
	o.Frontend.Show(page)
	idle, err := o.Project.Unchanged(ctx, plan)
	if err != nil {
		return nil, fmt.Errorf("find out whether there is anything to do: %w", err)
	}
	if idle {
		return o.alreadyDeployed(ctx, plan.Terms)
	}
	return o.execute(ctx, plan, consent{reason, w.again()}, nil)
}

// alreadyDeployed ends a deployment of what runs already: with one look at health, because "nothing to do" is a claim
// about production.
func (o *Operator) alreadyDeployed(ctx context.Context, t engine.Terms) (view.Page, error) {
	if ok, check, saw := o.Project.CheckHealth(ctx); !ok {
		return nil, &fault.Fault{Code: "idle-unhealthy", Outcome: fault.Asking,
			What:  fmt.Sprintf("%s runs already, but %s does not pass: %s", t.Tag, check, saw),
			Means: "nothing was changed by this command; production runs " + t.Tag + " and is not healthy",
			Do:    []fault.Command{seeStatus(), {Line: "fairlead rollback", Why: "brings the images before it back"}}}
	}
	migration := ""
	if t.Migration != nil {
		migration = " the migration is in place,"
	}
	return view.NothingToDo(t.Tag, "production runs %s,%s health passes", t.Tag, migration), nil
}
