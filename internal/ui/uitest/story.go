// Package uitest is for tests only: recorded runs that every screen is drawn from. Start with Deployed.
package uitest

import (
	"encoding/json"
	"errors"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// Start is when the recorded runs begin.
func Start() time.Time { return time.Date(2026, 11, 24, 20, 30, 15, 0, time.UTC) }

// story builds events on a clock of its own.
type story struct {
	now    time.Time
	events []engine.Event
}

func (s *story) add(e engine.Event)   { s.events = append(s.events, e) }
func (s *story) wait(d time.Duration) { s.now = s.now.Add(d) }
func (s *story) spec(name engine.Name, title string, m engine.Mutation) engine.Spec {
	return engine.Spec{Name: name, Title: title, Mutates: m}
}

func (s *story) open(action engine.Action, resumed bool) {
	s.add(engine.RunOpened{At: s.now, Run: "r-20261124-203015-7f3a", Resumed: resumed,
		Holder: engine.Holder{Name: "ana@laptop", How: "claimed (OS user)"},
		Terms: engine.Terms{Action: action, App: "shop", Environment: "production", Tag: "v1.8.0",
			Steps: []engine.Name{"prefetch", "migrate", "deploy"}}})
}

func (s *story) step(spec engine.Spec, index int, took time.Duration, r engine.Record, adopted bool, err error,
	said ...engine.Progress) {
	s.add(engine.StepBegan{At: s.now, Spec: spec, Index: index, Of: 4})
	for _, p := range said {
		s.wait(took / time.Duration(len(said)+1))
		s.add(engine.StepProgress{At: s.now, Step: spec.Name, Progress: p})
	}
	s.wait(took / time.Duration(len(said)+1))
	r.Step, r.At = spec.Name, s.now
	s.add(engine.StepEnded{At: s.now, Spec: spec, Record: r, Adopted: adopted, Took: took, Err: err})
}

func (s *story) close(o fault.Outcome, means string, open bool) {
	s.add(engine.RunClosed{At: s.now, Run: "r-20261124-203015-7f3a", Open: open,
		Closing: engine.Closing{Run: "r-20261124-203015-7f3a", Outcome: o, Means: means, Migrated: true}})
}

// Deployed is a deployment with a migration that ends well.
func Deployed() []engine.Event {
	s := &story{now: Start()}
	s.add(engine.Asked{At: s.now, Question: "Deploy v1.8.0 of shop in production, with a migration?",
		Answer: "yes, typed at a terminal by ana"})
	s.open(engine.Deploy, false)
	s.step(s.spec("prefetch", "Pull the images", engine.Nothing), 1, 4200*time.Millisecond,
		proven("3 images are on 1 host", false), false, nil,
		engine.Progress{Text: "api on app-1", Done: 12_000_000, Total: 60_000_000},
		engine.Progress{Text: "web on app-1", Done: 44_000_000, Total: 60_000_000})
	s.step(s.spec("migrate", "Apply the migration", engine.Schema), 2, 340*time.Millisecond,
		proven("2 units applied", true), false, nil)
	s.step(s.spec("deploy", "Deploy the images", engine.Services), 3, 65*time.Second,
		proven("api, worker and web run the planned images; unavailable for 3.1 s at most", true), false, nil,
		engine.Progress{Text: "api: waiting until it is ready"},
		engine.Progress{Text: "worker: \x1b[31mstarting\x1b[0m\nnow"},
		engine.Progress{Text: "web: ready", Done: 3, Total: 3})
	s.step(s.spec("health", "Watch health", engine.Nothing), 4, 12*time.Second, proven("passed at look 2 of 12", false),
		false, nil, engine.Progress{Text: "look 1: answered 503", Done: 1, Total: 12})
	s.close(fault.Deployed, "Production runs v1.8.0; the migration is applied.", false)
	return s.events
}

// Asking is a resumed deployment that fails after the migration and leaves a decision to a person.
func Asking() []engine.Event {
	s := &story{now: Start()}
	s.open(engine.Deploy, true)
	s.step(s.spec("prefetch", "Pull the images", engine.Nothing), 1, 0, proven("3 images are on 1 host", false), true,
		nil)
	s.step(s.spec("migrate", "Apply the migration", engine.Schema), 2, time.Second,
		engine.Record{Verdict: engine.Failed, Why: "lock_timeout: orders is held by pid 4711"}, false,
		fault.MarkUntouched(errors.New("lock_timeout: orders is held by pid 4711")))
	s.step(s.spec("deploy", "Deploy the images", engine.Services), 3, 61*time.Second,
		engine.Record{Verdict: engine.Unclear, Changed: true}, false,
		&fault.Fault{Code: "not-ready", What: "api did not become ready within 60 s", Means: "production is changed",
			Outcome: fault.Asking})
	s.close(fault.Asking, "The migration is applied and api runs v1.8.0, not ready; worker and web run v1.7.0.", true)
	return s.events
}

func proven(why string, changed bool) engine.Record {
	return engine.Record{Verdict: engine.Proven, Kind: "proof/1", Why: why, Changed: changed,
		Evidence: json.RawMessage(`{"n":1}`)}
}
