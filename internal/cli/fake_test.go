package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead/internal/assemble"
	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/ledger/dir"
	"fairlead/internal/operate"
	"fairlead/internal/planner"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/target/compose"
)

// pretend is a project whose hosts and database are files in the folder "world", and whose ledger and engine are the
// real ones: stories about the command line need no more. world/running.json is what runs; world/fail names the step
// that fails, and how.
type pretend struct {
	config  config.Config
	options assemble.Options
	ledger  dir.Ledger
}

var _ operate.Project = pretend{}

func openPretend(c config.Config, o assemble.Options) (operate.Project, error) {
	return pretend{c, o, dir.Open("world/ledger")}, nil
}

func (p pretend) Ledger() engine.Ledger   { return p.ledger }
func (p pretend) History() engine.History { return p.ledger }
func (p pretend) NewRun() engine.RunID    { return engine.RunID("r-" + assemble.NewID()[:8]) }
func (p pretend) Close() error            { return nil }

func (p pretend) Engine() *engine.Engine {
	return &engine.Engine{Ledger: p.ledger, Observe: p.options.Observe, Now: p.options.Now, NewID: assemble.NewID,
		Pause: assemble.Pause, Holder: p.options.Holder, Before: p.options.Before,
		Barriers: func(engine.Terms, bool) []engine.Barrier { return nil },
		Fallback: func(ctx context.Context, o engine.Opening, _ engine.Proofs) (engine.Plan, error) {
			if len(o.Terms.Baseline) == 0 {
				return engine.Plan{}, planner.ErrNothingToReturnTo
			}
			tag, err := p.TagOf(ctx, o.Terms.Baseline)
			if err != nil {
				return engine.Plan{}, err
			}
			return p.PlanRollback(ctx, tag, o.Terms.Baseline)
		}}
}

func (p pretend) Announce(context.Context, engine.Ending) error {
	if failing("note") {
		return errors.New("the channel is deaf")
	}
	return nil
}

func (p pretend) Resend(context.Context) error { return nil }

func (p pretend) Check(ctx context.Context) (step.Checked, error) {
	o, err := p.Look(ctx)
	return step.Checked{Observation: o}, err
}

func (p pretend) ByHand() target.Runbook { return (*compose.Target)(nil).ByHand() }

func (p pretend) Look(context.Context) (target.Observation, error) {
	if failing("host") {
		return target.Observation{}, target.ErrUnreachable
	}
	h := target.Host{Name: "web1", Engine: "20.10"}
	for _, img := range runningNow() {
		h.Services = append(h.Services, container.Service{Name: img.Service, Configured: img.Ref(),
			Replicas: []container.Replica{{Image: img.Ref(), ImageID: "sha256:0", Digests: []string{img.Ref()},
				State: "running"}}})
	}
	return target.Observation{Place: "a pretended host", Hosts: []target.Host{h}}, nil
}

func (p pretend) CheckHealth(context.Context) (bool, string, string) {
	return !failing("look"), "http://api/health", "status 503"
}

func (p pretend) Unchanged(ctx context.Context, plan engine.Plan) (bool, error) {
	runs, err := p.ledger.Runs(ctx, 1)
	return err == nil && len(runs) > 0 && runs[0].Outcome == fault.Deployed &&
		slices.Equal(plan.Terms.Images, plan.Terms.Baseline), err
}

func (p pretend) PlanDeploy(ctx context.Context, f source.Found) (engine.Plan, error) {
	script, proofs := sqltext.Script{}, engine.Proofs{}
	if f.Release.Migration != nil {
		var err error
		if script, err = sqltext.Parse(f.SQL); err != nil {
			return engine.Plan{}, err
		}
		review := step.Review{Name: f.Release.Migration.File, SQL: f.SQL,
			Catalog: func(context.Context) (*sqlreview.Catalog, error) {
				return &sqlreview.Catalog{Schema: sqlreview.CatalogSchema,
					Tables: []sqlreview.Table{{Schema: "public", Name: "orders", Kind: sqlreview.KindTable, Rows: 10,
						Columns: []sqlreview.Column{{Name: "id", Type: "bigint"}}}}}, nil
			}}
		if proofs, err = engine.Survey(ctx, []engine.Step{review}, nil, p.options.Now, p.options.Observe); err != nil {
			return engine.Plan{}, err
		}
	}
	id, err := f.Release.ID()
	if err != nil {
		return engine.Plan{}, err
	}
	t := engine.Terms{Schema: engine.TermsSchema, Action: engine.Deploy, App: p.config.App,
		Environment: p.config.Environment, ReleaseID: id,
		Tag: f.Release.Tag, Commit: f.Release.Commit, Images: f.Release.Images, Migration: f.Release.Migration,
		Target:   "a pretended host",
		Baseline: runningNow(), OnFailure: engine.OnFailure{Unmigrated: engine.RollBack, Migrated: engine.Ask},
		Approval: "none (" + p.config.Approval.Reason + ")"}
	plan := engine.Plan{Terms: t, Steps: p.steps(t), Proofs: proofs, Blobs: map[string][]byte{}}
	plan.Terms.Steps = namesOf(plan.Steps)
	plan.Blobs["units"], err = json.Marshal(script)
	return plan, err
}

func (p pretend) Replan(_ context.Context, o engine.Opening) (engine.Plan, error) {
	if o.Terms.Action == engine.Migrate {
		noBackup := ""
		if o.Terms.Steps[0] == "no-backup" {
			noBackup = "the story says so"
		}
		return engine.Plan{Terms: o.Terms, Steps: p.stepsAlone(o.Terms, noBackup), Proofs: o.Proofs}, nil
	}
	return engine.Plan{Terms: o.Terms, Steps: p.steps(o.Terms), Proofs: o.Proofs}, nil
}

func (p pretend) PlanRollback(_ context.Context, tag string, images []release.Image) (engine.Plan, error) {
	t := engine.Terms{Schema: engine.TermsSchema, Action: engine.Rollback, App: p.config.App,
		Environment: p.config.Environment, Tag: tag, Images: images, Baseline: runningNow(), Target: "a pretended host",
		OnFailure: engine.OnFailure{Unmigrated: engine.Ask, Migrated: engine.Ask}, Approval: "none"}
	t.Steps = namesOf(p.steps(t))
	return engine.Plan{Terms: t, Steps: p.steps(t), Proofs: engine.Proofs{}}, nil
}

func (p pretend) TagOf(ctx context.Context, images []release.Image) (string, error) {
	runs, err := p.ledger.Runs(ctx, 0)
	for _, s := range runs {
		o, err := p.Opening(ctx, s.Run)
		if err == nil && s.Outcome == fault.Deployed && slices.Equal(o.Terms.Images, images) {
			return o.Terms.Tag, nil
		}
	}
	return "previous", err
}

func (p pretend) ImagesOf(ctx context.Context, tag string) ([]release.Image, error) {
	runs, err := p.ledger.Runs(ctx, 0)
	for _, s := range runs {
		if s.Tag == tag && s.Outcome == fault.Deployed {
			o, err := p.Opening(ctx, s.Run)
			return o.Terms.Images, err
		}
	}
	return nil, errors.Join(err, fmt.Errorf("no run has deployed %s here", tag))
}

func (p pretend) Opening(ctx context.Context, run engine.RunID) (engine.Opening, error) {
	records, err := p.ledger.Records(ctx, run)
	if err != nil {
		return engine.Opening{}, err
	}
	return engine.OpeningOf(records)
}

// steps are the acts, in order.
func (p pretend) steps(t engine.Terms) []engine.Step {
	var all []engine.Step
	if t.Migration != nil {
		all = append(all, act{step.Backup{}.Spec(), func(in engine.Input) engine.Evidence {
			return step.BackedUp{Manifest: backup.Manifest{Name: "shop.dump", SHA256: strings.Repeat("0", 64),
				Snapshot: p.options.Now().Add(-4 * time.Minute)}, Place: "backups"}
		}}, act{step.Migrate{}.Spec(), func(in engine.Input) engine.Evidence {
			return step.Migrated{SHA256: t.Migration.SHA256, Units: 1, Here: 1, By: in.Ticket.Run}
		}})
	}
	return append(all, act{step.Deploy{ByHand: p.ByHand()}.Spec(), func(in engine.Input) engine.Evidence {
		d := step.Deployed{}
		for i, img := range t.Images {
			was := ""
			if i < len(t.Baseline) {
				was = t.Baseline[i].Ref()
			}
			d.Services = append(d.Services, step.DeployedService{Host: "web1", Service: img.Service, Planned: img.Ref(),
				Observed: img.Ref(), Previous: was, Switched: true})
		}
		b, _ := json.Marshal(t.Images)
		_ = os.WriteFile("world/running.json", b, 0o600)
		return d
	}}, act{step.Health{}.Spec(), func(engine.Input) engine.Evidence { return step.Healthy{} }},
		act{step.Record{}.Spec(), func(engine.Input) engine.Evidence { return step.Recorded{Copied: true} }})
}

// act is one pretended step.
type act struct {
	spec engine.Spec
	do   func(engine.Input) engine.Evidence
}

func (a act) Spec() engine.Spec { return a.spec }

func (a act) Probe(context.Context, engine.Input) (engine.Observation, error) {
	return engine.Observation{State: engine.NotDone, Because: "it is looked at each time"}, nil
}

func (a act) Run(_ context.Context, in engine.Input) (engine.Evidence, error) {
	name := string(a.spec.Name)
	if in.Terms.Action == engine.Rollback {
		name += "-back"
	}
	switch {
	case failing(name + " unknown"):
		return nil, &fault.Fault{Code: "test-unknown", What: "the answer was lost", Outcome: fault.Unknown}
	case failing(name + " overtaken"):
		return nil, &fence.Overtaken{By: fence.Ticket{Run: "r-other", Number: 9, Holder: "eve@ci"}}
	case failing(name + " killed"):
		os.Exit(137)
	case failing(name):
		return nil, &fault.Fault{Code: "test-failed", What: name + " was told to fail",
			Err: fault.MarkUntouched(errors.New("by the story"))}
	}
	return a.do(in), nil
}

// failing tells whether the story wants something to fail.
func failing(what string) bool {
	b, err := os.ReadFile("world/fail")
	return err == nil && strings.TrimSpace(string(b)) == what
}

// runningNow is what runs in the pretended world.
func runningNow() []release.Image {
	all := []release.Image{}
	b, err := os.ReadFile(filepath.Join("world", "running.json"))
	if err == nil {
		_ = json.Unmarshal(b, &all)
	}
	return all
}

func namesOf(steps []engine.Step) []engine.Name {
	var all []engine.Name
	for _, s := range steps {
		all = append(all, s.Spec().Name)
	}
	return all
}
