// Package step holds the acts of a deployment, one per file, as engine.Steps. A step names what it needs in a small interface of its
// own; adapters satisfy contracts and are introduced by package assemble. Nothing here knows a vendor, prints, or waits longer than
// it says. Start with the order of the acts in package assemble.
package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/target"
)

// looker is what runs now.
type looker interface {
	Look(ctx context.Context) (target.Observation, error)
}

// planner is what a database says before anything happens.
type planner interface {
	Preflight(ctx context.Context) (database.Facts, error)
}

// MaxSkew is how far the clocks of a host and of this machine may differ; more makes every record's time doubtful.
const MaxSkew = 2 * time.Minute

// MinFree is the least space that must be free on a host where images are stored, in bytes.
const MinFree = 512 << 20

// Check asks everything that can be asked cheaply before anything happens: hosts, engine, what runs, clocks, disk, database.
// Database is nil when the release has no migration.
type Check struct {
	Target   looker
	Database planner
	Ledger   func(ctx context.Context) (string, error) // the id of the ledger that is there, "" when there is none
}

// Checked is the evidence of Check.
type Checked struct {
	Observation target.Observation `json:"observation"`
	Database    *database.Facts    `json:"database,omitempty"`
	Ledger      string             `json:"ledger"`
}

// Kind names the evidence.
func (Checked) Kind() engine.Kind { return "checked/1" }

// String says what was asked.
func (c Checked) String() string {
	s := fmt.Sprintf("%s answers", c.Observation.Place)
	if c.Database != nil {
		s += fmt.Sprintf("; PostgreSQL %s, pg_dump %s", c.Database.Server, c.Database.Dumper)
	}
	return s
}

// Spec declares the step.
func (Check) Spec() engine.Spec {
	return engine.Spec{Name: "check", Title: "Ask hosts and database", Effect: engine.ReadsAgain, Proves: Checked{}.Kind(),
		Runbook: []string{"ssh deploy@HOST docker version", "ssh deploy@HOST df -h", "psql \"$PROD_DB_URL\" -c 'select version()'"}}
}

// Probe leaves everything to Run: looking is all there is.
func (Check) Probe(context.Context, engine.Input) (engine.Sighting, error) { return fresh, nil }

// fresh is the sighting of a step that always looks again.
var fresh = engine.Sighting{State: engine.Absent, Because: "it is looked at each time"}

// Run asks. Every reason to refuse is collected before it answers, so that they can be mended together.
func (s Check) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	in.Say(engine.Progress{Text: "the hosts"})
	o, err := s.Target.Look(ctx)
	if err != nil {
		return nil, refuse("target-unready", "the target does not answer as it must", err)
	}
	c := Checked{Observation: o}
	if c.Ledger, err = s.Ledger(ctx); err != nil {
		return nil, refuse("ledger-unreadable", "the ledger cannot be read", err)
	}
	problems := hostProblems(c)
	if s.Database != nil {
		in.Say(engine.Progress{Text: "the database"})
		facts, err := s.Database.Preflight(ctx)
		if err != nil {
			return nil, refuse("database-unready", "the database does not answer as it must", err)
		}
		c.Database = &facts
		problems = append(problems, databaseProblems(facts, c.Ledger)...)
	}
	if len(problems) > 0 {
		return nil, refuse("check-failed", "production is not ready for a release", errors.Join(problems...))
	}
	return c, nil
}

func hostProblems(c Checked) []error {
	var all []error
	for _, p := range c.Observation.Problems {
		e := errors.New(p.What)
		if p.Do != "" {
			e = fmt.Errorf("%s (%s)", p.What, p.Do)
		}
		all = append(all, e)
	}
	for _, h := range c.Observation.Hosts {
		if h.Known.Ledger != "" && h.Known.Ledger != c.Ledger {
			all = append(all, fmt.Errorf("host %s knows the ledger %s, but %s", h.Name, h.Known.Ledger, orMissing(c.Ledger)))
		}
		if h.Skew.Abs() > MaxSkew {
			all = append(all, fmt.Errorf("the clock of %s differs by %s", h.Name, h.Skew.Round(time.Second)))
		}
		if h.Free > 0 && h.Free < MinFree {
			all = append(all, fmt.Errorf("only %d MB are free for images on %s", h.Free>>20, h.Name))
		}
	}
	return all
}

func databaseProblems(f database.Facts, ledger string) []error {
	var all []error
	for _, p := range f.Problems {
		all = append(all, errors.New(p))
	}
	if f.Ledger != "" && f.Ledger != ledger {
		all = append(all, fmt.Errorf("the database knows the ledger %s, but %s", f.Ledger, orMissing(ledger)))
	}
	return all
}

func orMissing(ledger string) string {
	if ledger == "" {
		return "there is no ledger"
	}
	return "the ledger found is " + ledger
}

// refuse is a closed gate: nothing was changed.
func refuse(code fault.Code, what string, err error) error {
	return &fault.Fault{Code: code, What: what, Means: "production is unchanged; nothing was attempted", Outcome: fault.Refused,
		Do: []fault.Command{{Line: "fairlead check", Why: "asks everything again"}}, Err: fault.MarkUntouched(err)}
}
