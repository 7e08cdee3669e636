package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead/internal/container"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/target"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What runs now, by digest, and how far the open run is",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runStatus(c.Context(), a) },
	}
}

// status is what `status --json` prints.
type status struct {
	App         string          `json:"app"`
	Environment string          `json:"environment"`
	Place       string          `json:"place"`
	Services    []statusService `json:"services"`
	Problems    []string        `json:"problems,omitempty"`
	Run         *engine.Summary `json:"run"`  // the open run, or the last one; null where there is none
	Open        bool            `json:"open"` // the run is open
	LastSign    time.Time       `json:"last_sign,omitzero"`
	Unverified  time.Time       `json:"unverified_since,omitzero"` // deployed, but the run has not come to its end
	Unreachable string          `json:"unreachable,omitempty"`     // why what runs is not known
	Alone       bool            `json:"migrations_only,omitempty"` // no target is configured
}

type statusService struct {
	Host       string `json:"host"`
	Name       string `json:"name"`
	Running    string `json:"running"`    // "" when the containers do not prove one digest
	Configured string `json:"configured"` // what the next start would run
	Replicas   int    `json:"replicas"`
	Ready      int    `json:"ready"`
}

// runStatus looks at the world and at the ledger; each half is told even if the other cannot be had.
func runStatus(ctx context.Context, a *app) error {
	c, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	s := status{App: c.App, Environment: c.Environment, Services: []statusService{}, Alone: !c.Target.Present()}
	head, herr := p.Ledger().Head(ctx)
	if herr == nil {
		herr = s.run(head)
	}
	seen, lerr := p.Look(ctx)
	if lerr != nil {
		s.Unreachable = lerr.Error()
	}
	s.see(seen)
	if herr == nil && lerr == nil {
		s.unseen(head, seen)
	}
	if herr != nil && lerr != nil {
		return lerr
	}
	if a.json {
		a.printJSON(s)
	} else {
		fmt.Fprint(a.Out, s.text(a.Now()))
	}
	if herr != nil {
		return herr
	}
	return lerr
}

// run reads the end of the ledger.
func (s *status) run(head engine.Head) error {
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

// unseen finds a rollout that came to its end on the hosts while nobody was connected: the open run began it, the ledger does not
// know more, and every container runs the planned image, ready.
func (s *status) unseen(head engine.Head, o target.Observation) {
	opening, err := engine.OpeningOf(head.Last)
	began := slices.ContainsFunc(head.Last, func(r engine.Record) bool { return r.Step == "deploy" && r.Verdict == engine.Began })
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

// see reads an observation.
func (s *status) see(o target.Observation) {
	s.Place = o.Place
	for _, h := range o.Hosts {
		for _, svc := range h.Services {
			one := statusService{Host: h.Name, Name: svc.Name, Running: container.ImageOf(svc.Replicas), Configured: svc.Configured, Replicas: len(svc.Replicas)}
			for _, r := range svc.Replicas {
				if r.Ready() {
					one.Ready++
				}
			}
			s.Services = append(s.Services, one)
		}
	}
	for _, p := range o.Problems {
		s.Problems = append(s.Problems, p.What)
	}
}

func (s *status) text(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s", s.App, s.Environment)
	if s.Place != "" {
		fmt.Fprintf(&b, " on %s", plain(s.Place))
	}
	b.WriteString("\n\n")
	switch {
	case s.Unreachable != "":
		fmt.Fprintf(&b, "what runs now is not known: %s\n", plain(s.Unreachable))
	case s.Alone:
		b.WriteString("no target is configured, so nothing is said of what runs; fairlead migrate status tells what is applied\n")
	case len(s.Services) == 0:
		b.WriteString("nothing runs\n")
	default:
		b.WriteString(s.services())
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "problem: %s\n", plain(p))
	}
	b.WriteString("\n" + s.runText(now))
	return b.String()
}

func (s *status) services() string {
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
		rows = append(rows, []string{svc.Name, svc.Host, or(digestOf(svc.Running), "-"), fmt.Sprintf("%d/%d", svc.Ready, svc.Replicas), note})
	}
	return table(rows)
}

func (s *status) runText(now time.Time) string {
	r := s.Run
	switch {
	case r == nil:
		return "no run was ever recorded here\n"
	case !s.Open:
		return fmt.Sprintf("last run %s: %s, %s, %s ago, by %s\n  %s\n", r.Run, runName(*r), outcomeWord(*r), ago(now, r.Closed), plain(r.Holder), plain(r.Means))
	}
	state := "silent"
	if now.Sub(s.LastSign) < signOfLife {
		state = "alive"
	}
	text := fmt.Sprintf("OPEN run %s: %s, held by %s since %s, at step %s; last sign of life %s ago (%s)\n", r.Run, runName(*r), plain(r.Holder), clock(r.Opened),
		or(string(r.Step), "none yet"), ago(now, s.LastSign), state)
	if !s.Unverified.IsZero() {
		text += fmt.Sprintf("  deployed, unverified since %s\n", clock(s.Unverified))
	}
	if r.Action == engine.Migrate {
		return text + "  fairlead resume goes on with it, fairlead abandon closes it as it is\n"
	}
	return text + "  fairlead resume goes on with it, fairlead rollback closes it and goes back, fairlead abandon closes it as it is\n"
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
