// Package operate is what the commands do, without a terminal: each is a method of an Operator or a function, takes
// what was asked for, and gives a page of package view. What must be asked or told on the way goes through a Frontend.
// A command line and any other screen call the same. It decides nothing about production: the engine, the steps and the
// plans do. Start with Operator.Deploy.
package operate

import (
	"context"
	"time"

	"fairlead/internal/approval"
	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/view"
)

// A Frontend is where a command came from. It asks the person, shows what is about to be approved (Show) and how a run
// ended (Ended), and tells what changes no outcome (Note).
type Frontend interface {
	decide.Decider
	Show(p view.Page)
	Ended(r view.Result)
	Note(text string)
}

// An Operator carries commands out on one project. All fields are needed.
type Operator struct {
	Project  Project
	Config   config.Config
	Frontend Frontend
	Holder   engine.Holder
	Now      func() time.Time
	Alive    func(process string) (alive, known bool)
	Acting   func() // called before a run is opened or taken over
	State    string // directory for what is remembered on this machine
}

// Free gives the error engine.Busy while a run is open.
func (o *Operator) Free(ctx context.Context) error {
	head, err := o.Project.Ledger().Head(ctx)
	if err != nil || head.Open() == "" {
		return err
	}
	s, err := engine.Summarize(head.Last)
	if err != nil {
		return err
	}
	return &engine.Busy{Run: s, Last: head.Last[len(head.Last)-1].At}
}

// A consent is what was given along for the approval of a plan.
type consent struct {
	reason string // for the record
	again  string // the command that asks once more
}

// approve gets the yes that the configuration asks for.
func (o *Operator) approve(ctx context.Context, t engine.Terms, c consent) (engine.Approvals, error) {
	policy, err := assemble.Approval(o.Config, o.Frontend)
	if err != nil {
		return nil, err
	}
	fingerprint, err := t.Fingerprint()
	if err != nil {
		return nil, err
	}
	return policy.Approve(ctx, approval.Request{Terms: t, Fingerprint: fingerprint, Reason: c.reason, Again: c.again})
}

// execute has a plan approved, opens its run and executes it. closes is how a run that is open ends by that; nil where
// none is.
func (o *Operator) execute(ctx context.Context, plan engine.Plan, c consent,
	closes *engine.Closing) (view.Page, error) {
	said, err := o.approve(ctx, plan.Terms, c)
	if err != nil {
		return nil, err
	}
	o.Acting()
	run, err := o.Project.Engine().Open(ctx, engine.OpenRequest{Run: o.Project.NewRun(), Plan: plan, Approvals: said,
		Closes: closes})
	if err != nil {
		return nil, notOpened(err)
	}
	if plan.Terms.Action == engine.Rollback {
		o.removeRehearsals(ctx)
	}
	return o.conclude(ctx, run.Execute(ctx)), nil
}

// answer gives a page, and none beside an error.
func answer(p view.Page, err error) (view.Page, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
