package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/planner"
	"fairlead/internal/release"
	"fairlead/internal/step"
	"fairlead/internal/view"
)

// A RollbackPlan is a way back to images that once ran.
type RollbackPlan struct {
	engine.Plan
	head   engine.Head
	images []release.Image
	tag    string // as it was asked for
}

// PlanRollback plans the way back to the images that were deployed under a tag. Without one it goes to what ran before
// the open run or, where none is open, before the last release.
func (o *Operator) PlanRollback(ctx context.Context, tag string) (RollbackPlan, error) {
	way := RollbackPlan{tag: tag}
	var err error
	if way.head, err = o.Project.Ledger().Head(ctx); err != nil {
		return way, err
	}
	name := tag
	if tag != "" {
		if way.images, err = o.Project.ImagesOf(ctx, tag); err != nil {
			return way, noSuchRelease(tag, err)
		}
	} else {
		if way.images, err = o.lastBaseline(ctx, way.head); err != nil {
			return way, err
		}
		if len(way.images) == 0 {
			return way, nothingBefore()
		}
		if name, err = o.Project.TagOf(ctx, way.images); err != nil {
			return way, err
		}
	}
	way.Plan, err = o.Project.PlanRollback(ctx, name, way.images)
	if errors.Is(err, planner.ErrNothingToReturnTo) {
		return way, nothingBefore()
	}
	return way, err
}

// Rollback shows the way back, has it approved and goes it. An open run is closed by the very record that opens the
// rollback. Reason is for the record.
func (o *Operator) Rollback(ctx context.Context, way RollbackPlan, reason string) (view.Page, error) {
	t, open := way.Plan.Terms, way.head.Open() != ""
	if !open && slices.Equal(t.Images, t.Baseline) {
		return view.NothingToDo(t.Tag,
			"the images of %s run already; name a release to go further back (fairlead history)", t.Tag), nil
	}
	page, err := view.NewPlan(way.Plan)
	if err != nil {
		return nil, err
	}
	o.Frontend.Show(page)
	o.Frontend.Note(o.schemaChanges(ctx, way.images).String() + "\n")
	again := "fairlead rollback"
	if way.tag != "" {
		again += " " + fault.Word(way.tag)
	}
	var closes *engine.Closing
	if open {
		if err := o.mayTakeOver(ctx, way.head, again); err != nil {
			return nil, err
		}
		c := step.GivenUp(way.head.Last, o.Holder, reason)
		closes = &c
	}
	return o.execute(ctx, way.Plan, consent{reason, again}, closes)
}

// lastBaseline gives what ran before the open run or, where none is open, before the last release that was deployed.
func (o *Operator) lastBaseline(ctx context.Context, head engine.Head) ([]release.Image, error) {
	if run := head.Open(); run != "" {
		opening, err := engine.OpeningOf(head.Last)
		switch {
		case err == nil && opening.Terms.Action == engine.Migrate:
			return nil, migrationOpen(run, opening.Terms.Tag)
		case err == nil && opening.Terms.Action == engine.Rollback:
			return nil, rollbackOpen(run, opening.Terms.Tag)
		}
		return opening.Terms.Baseline, err
	}
	runs, err := o.Project.History().Runs(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, s := range runs {
		if s.Action == engine.Deploy && s.Outcome == fault.Deployed {
			opening, err := o.Project.Opening(ctx, s.Run)
			return opening.Terms.Baseline, err
		}
	}
	return nil, nil
}

const nothingChanged = "nothing was changed by this command"

func nothingBefore() error {
	return &fault.Fault{Code: "nothing-to-return-to", Outcome: fault.Refused, Means: nothingChanged,
		What: "there is nothing to go back to: nothing ran before the first deployment",
		Do: []fault.Command{seeStatus(), {Line: "fairlead resume", Why: "goes on with an open run"},
			{Line: abandonLine, Why: "closes an open run as it is"}}}
}

func noSuchRelease(tag string, err error) error {
	return &fault.Fault{Code: "release-never-ran", What: "release " + tag + " cannot be brought back", Err: err,
		Outcome: fault.Refused, Means: nothingChanged,
		Do: []fault.Command{{Line: "fairlead history", Why: "lists what was deployed here"}}}
}

func migrationOpen(run engine.RunID, tag string) error {
	return &fault.Fault{Code: "migration-open", Outcome: fault.Refused, Means: nothingChanged,
		What: fmt.Sprintf("run %s applies the migration %s, and a schema never goes back by itself", run, tag),
		Do: []fault.Command{{Line: "fairlead migrate status", Why: "what is applied"},
			{Line: "fairlead resume", Why: "goes on with that migration"},
			{Line: abandonLine, Why: "closes it as it is"}}}
}

func rollbackOpen(run engine.RunID, tag string) error {
	return &fault.Fault{Code: "rollback-open", Outcome: fault.Refused, Means: nothingChanged,
		What: fmt.Sprintf("run %s is itself a rollback, to %s, and has not come to its end", run, tag),
		Do: []fault.Command{{Line: "fairlead resume", Why: "goes on with that rollback"},
			{Line: "fairlead rollback TAG", Why: "closes it and goes to another release"}}}
}
