package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/ui"
)

// signOfLife is how young the last record of a run must be for its holder to count as alive.
const signOfLife = time.Minute

// Silent tells that a run has given no sign of life for so long that its holder may be gone.
func Silent(now, last time.Time) bool { return now.Sub(last) >= signOfLife }

// Life is how old the last sign of life of a run is, and what that says of its holder.
func Life(now, last time.Time) string {
	state := "alive"
	if Silent(now, last) {
		state = "silent"
	}
	return fmt.Sprintf("%s ago (%s)", ui.Ago(now, last), state)
}

// A Status is what runs now, by digest, and how far the open run is.
type Status struct {
	App         string          `json:"app"`
	Environment string          `json:"environment"`
	Place       string          `json:"place"`
	Services    []ServiceStatus `json:"services"`
	Problems    []string        `json:"problems,omitempty"`
	Run         *engine.Summary `json:"run"`  // the open run, or the last one; null where there is none
	Open        bool            `json:"open"` // the run is open
	LastSign    time.Time       `json:"last_sign,omitzero"`
	Unverified  time.Time       `json:"unverified_since,omitzero"` // deployed, but the run has not come to its end
	Unreachable string          `json:"unreachable,omitempty"`     // why what runs is not known
	NoTarget    bool            `json:"migrations_only,omitempty"` // no target is configured
	Now         time.Time       `json:"-"`
}

// A ServiceStatus is what one service of one host runs.
type ServiceStatus struct {
	Host       string `json:"host"`
	Name       string `json:"name"`
	Running    string `json:"running"`    // "" when the containers do not prove one digest
	Configured string `json:"configured"` // what the next start would run
	Replicas   int    `json:"replicas"`
	Ready      int    `json:"ready"`
}

// ReadRun takes in the end of the ledger.
func (s *Status) ReadRun(head engine.Head) error {
	if len(head.Last) == 0 {
		return nil
	}
	sum, err := engine.Summarize(head.Last)
	if err != nil {
		return err
	}
	s.Run, s.Open, s.LastSign = &sum, head.Open() != "", head.Last[len(head.Last)-1].At
	for _, r := range head.Last {
		if s.Open && r.Step == "deploy" && r.Verdict == engine.Proven {
			s.Unverified = r.At
		}
	}
	return nil
}

// ReadTarget takes in what was seen to run.
func (s *Status) ReadTarget(o target.Observation) {
	s.Place, s.Services = o.Place, []ServiceStatus{}
	for _, h := range o.Hosts {
		for _, svc := range h.Services {
			s.Services = append(s.Services, ServiceStatus{Host: h.Name, Name: svc.Name,
				Running: container.ImageOf(svc.Replicas), Configured: svc.Configured,
				Replicas: len(svc.Replicas), Ready: readyOf(svc)})
		}
	}
	for _, p := range o.Problems {
		s.Problems = append(s.Problems, p.What)
	}
}

// FindRollout finds a rollout that came to its end on the hosts while nobody was connected: the open run began it, the
// ledger does not know more, and every container runs the planned image, ready.
func (s *Status) FindRollout(head engine.Head, o target.Observation) {
	opening, err := engine.OpeningOf(head.Last)
	began := slices.ContainsFunc(head.Last, func(r engine.Record) bool {
		return r.Step == "deploy" && r.Verdict == engine.Began
	})
	if err != nil || !s.Open || !began || !s.Unverified.IsZero() || len(o.Hosts) == 0 {
		return
	}
	var since time.Time
	for _, h := range o.Hosts {
		for _, img := range opening.Terms.Images {
			at := slices.IndexFunc(h.Services, func(svc container.Service) bool { return svc.Name == img.Service })
			if at < 0 || len(h.Services[at].Replicas) == 0 {
				return
			}
			for _, r := range h.Services[at].Replicas {
				if !r.Runs(img.Ref()) || !r.Ready() {
					return
				}
				if r.Started.After(since) {
					since = r.Started
				}
			}
		}
	}
	s.Unverified = since
}

// Text is the page for people.
func (s Status) Text() string {
	var out sheet
	place := ""
	if s.Place != "" {
		place = " on " + s.Place
	}
	out.line("%s in %s%s\n", s.App, s.Environment, place)
	switch {
	case s.Unreachable != "":
		out.line("what runs now is not known: %s", s.Unreachable)
	case s.NoTarget:
		out.line("no target is configured, so nothing is said of what runs; fairlead migrate status tells what is " +
			"applied")
	case len(s.Services) == 0:
		out.line("nothing runs")
	default:
		out.WriteString(s.services())
	}
	for _, p := range s.Problems {
		out.line("problem: %s", p)
	}
	return out.String() + "\n" + s.run()
}

func (s Status) services() string {
	rows := [][]string{{"SERVICE", "HOST", "RUNS", "READY", "NOTE"}}
	for _, svc := range s.Services {
		note := ""
		switch {
		case svc.Replicas == 0:
			note = "no containers"
		case svc.Running == "":
			note = "its containers do not prove one digest"
		case svc.Configured != "" && svc.Configured != svc.Running:
			note = "configured is " + digestOf(svc.Configured)
		}
		rows = append(rows, []string{svc.Name, svc.Host, cmp.Or(digestOf(svc.Running), "-"),
			fmt.Sprintf("%d/%d", svc.Ready, svc.Replicas), note})
	}
	return ui.Table(rows)
}

func (s Status) run() string {
	var out sheet
	r := s.Run
	switch {
	case r == nil:
		return "no run was ever recorded here\n"
	case !s.Open:
		out.line("last run %s: %s, %s, %s ago, by %s\n  %s", r.Run, runName(*r), outcomeWord(*r),
			ui.Ago(s.Now, r.Closed), r.Holder, r.Means)
		return out.String()
	}
	out.line("OPEN run %s: %s, held by %s since %s, at step %s; last sign of life %s", r.Run, runName(*r), r.Holder,
		ui.Clock(r.Opened), cmp.Or(string(r.Step), "none yet"), Life(s.Now, s.LastSign))
	if !s.Unverified.IsZero() {
		out.line("  deployed, unverified since %s", ui.Clock(s.Unverified))
	}
	back := "fairlead rollback closes it and goes back, "
	if r.Action == engine.Migrate {
		back = ""
	}
	out.line("  fairlead resume goes on with it, %sfairlead abandon closes it as it is", back)
	return out.String()
}

// outcomeWord is how a run ended, in the word for what it was.
func outcomeWord(s engine.Summary) string {
	if s.Action == engine.Migrate && s.Outcome == fault.Deployed {
		return "applied"
	}
	return s.Outcome.String()
}

// runName says what a run was for.
func runName(s engine.Summary) string {
	if s.Action == "" {
		return "made by hand"
	}
	return string(s.Action) + " " + s.Tag
}

// Running says in a sentence what was seen to run.
func Running(o target.Observation) string {
	var all []string
	for _, h := range o.Hosts {
		for _, s := range h.Services {
			now := cmp.Or(digestOf(container.ImageOf(s.Replicas)), "nothing that proves one digest")
			all = append(all, fmt.Sprintf("%s on %s runs %s", s.Name, h.Name, now))
		}
	}
	return cmp.Or(strings.Join(all, ", "), "nothing runs")
}

// A Check is what hosts, registry and database answered.
type Check step.Checked

// Text is the page for people.
func (c Check) Text() string {
	var out sheet
	rows := [][]string{{"HOST", "ENGINE", "COMPOSE", "PLATFORM", "FREE", "CLOCK", "SERVICES"}}
	for _, h := range c.Observation.Hosts {
		rows = append(rows, []string{h.Name, h.Engine, h.Compose, h.Platform, ui.Bytes(h.Free), ui.Duration(h.Skew),
			fmt.Sprint(len(h.Services))})
	}
	out.WriteString(ui.Table(rows))
	notes := func(all []string) {
		for _, n := range all {
			out.line("  note: %s", n)
		}
	}
	if d := c.Database; d != nil {
		out.line("database %s: PostgreSQL %s, pg_dump %s, %s, as %s", d.Database, d.Server, d.Dumper, ui.Bytes(d.Size),
			d.Role)
		notes(d.Notes)
	}
	if b := c.Backups; b != nil {
		out.line("backups: %s", b.Place)
		notes(b.Notes)
	}
	out.line("ledger: %s", cmp.Or(c.Ledger, "none yet; the first run makes it"))
	return out.String()
}
