// Package step holds the acts of a deployment, one per file, as engine.Steps. A step names what it needs in a small
// interface of its own; adapters satisfy contracts and are introduced by package assemble. Nothing here knows a vendor,
// prints, or waits longer than it says. Start with the order of the acts in package assemble.
package step

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// backupStore is where a backup will be kept.
type backupStore interface {
	Ready(ctx context.Context) error
	Location() string
}

// annotated is a store that has something to say about itself.
type annotated interface {
	Notes(ctx context.Context) ([]string, error)
}

// planner is what a database says before anything happens.
type planner interface {
	Preflight(ctx context.Context) (database.Facts, error)
}

// MaxSkew is how far the clocks of a host and of this machine may differ; more makes every record's time doubtful.
const MaxSkew = 2 * time.Minute

// MinFree is the least space that must be free on a host where images are stored, in bytes.
const MinFree = 512 << 20

// Check asks everything that can be asked cheaply before anything happens: hosts, engine, what runs, clocks, disk,
// database. Database is nil when the release has no migration.
type Check struct {
	afresh
	Target   looker // nil for a migration alone
	ByHand   target.Runbook
	Database planner
	Backups  backupStore // nil when no backup will be taken
	// the id of the ledger that is there, "" when there is none
	Ledger func(ctx context.Context) (string, error)
	// of a backup, by the size of the database; nil when nobody can tell
	Room func(ctx context.Context, size int64) (need, free int64)
	// whether the scratch that a dump needs is there; nil when it needs none
	Fits func(ctx context.Context, size int64) error
}

// Checked is the evidence of Check.
type Checked struct {
	Observation target.Observation `json:"observation"`
	Database    *database.Facts    `json:"database,omitempty"`
	Ledger      string             `json:"ledger"`
	Backups     *BackupPlace       `json:"backups,omitempty"`
}

// A BackupPlace is where a backup will be kept, and what is worth knowing about it.
type BackupPlace struct {
	Place string   `json:"place"`
	Notes []string `json:"notes,omitempty"`
}

// Kind names the evidence.
func (Checked) Kind() engine.Kind { return "checked/1" }

// String says what was asked.
func (c Checked) String() string {
	var all []string
	if c.Observation.Place != "" {
		all = append(all, c.Observation.Place+" answers")
	}
	if c.Database != nil {
		all = append(all, fmt.Sprintf("PostgreSQL %s, pg_dump %s", c.Database.Server, c.Database.Dumper))
	}
	return strings.Join(all, "; ")
}

// Spec declares the step.
func (s Check) Spec() engine.Spec {
	return engine.Spec{Name: "check", Title: "Ask hosts and database", Effect: engine.ReadsAgain,
		Proves:  Checked{}.Kind(),
		Runbook: append(slices.Clone(s.ByHand.Check), `psql "$PROD_DB_URL" -c 'select version()'`)}
}

// afresh is of a step that leaves everything to Run: nothing is kept from an earlier attempt.
type afresh struct{}

// Probe takes nothing as done.
func (afresh) Probe(context.Context, engine.Input) (engine.Observation, error) {
	return engine.Observation{State: engine.NotDone, Because: "it is looked at each time"}, nil
}

// Run asks. Every reason to refuse is collected before it answers, so that they can be mended together.
func (s Check) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	var c Checked
	var err error
	if s.Target != nil {
		in.Say(engine.Progress{Text: "the hosts"})
		if c.Observation, err = s.Target.Look(ctx); err != nil {
			return nil, refuse("target-unready", "the target does not answer as it must", err)
		}
	}
	if c.Ledger, err = s.Ledger(ctx); err != nil {
		return nil, refuse("ledger-unreadable", "the ledger cannot be read", err)
	}
	problems := hostProblems(c, s.ByHand.Room)
	if s.Database != nil {
		in.Say(engine.Progress{Text: "the database"})
		facts, err := s.Database.Preflight(ctx)
		if err != nil {
			return nil, databaseUnready(err)
		}
		c.Database = &facts
		problems = append(problems, databaseProblems(facts, c.Ledger)...)
	}
	if s.Backups != nil {
		in.Say(engine.Progress{Text: "the place of the backups"})
		if err := s.Backups.Ready(ctx); err != nil {
			problems = append(problems, storeUnready(err))
		} else {
			c.Backups = backupPlace(ctx, s.Backups)
			if s.Room != nil && c.Database != nil {
				need, free := s.Room(ctx, c.Database.Size)
				problems = append(problems, storeFull(c.Backups.Place, need, free)...)
			}
			if s.Fits != nil && c.Database != nil {
				problems = append(problems, workspaceFull(s.Fits(ctx, c.Database.Size))...)
			}
		}
	}
	if len(problems) > 0 {
		return nil, notReady(problems)
	}
	return c, nil
}

// storeUnready is a place where no backup could be kept, in the words of the place where it has its own.
func storeUnready(err error) fault.Problem {
	p := fault.Problem{Code: "backup-not-ready", What: "a backup could not be kept: " + err.Error(),
		Do: []fault.Command{{Line: "df -h", Why: "and the rights of backup.store.path, where the backups are kept"}}}
	f, ok := fault.Find(err)
	if !ok || len(f.Do) == 0 {
		return p
	}
	p.Code, p.Do = f.Code, slices.DeleteFunc(slices.Clone(f.Do),
		func(c fault.Command) bool { return c.Line == askAgain.Line })
	return p
}

// backupPlace is what a store says about itself; what cannot be asked is left out.
func backupPlace(ctx context.Context, s backupStore) *BackupPlace {
	at := &BackupPlace{Place: s.Location()}
	if n, ok := s.(annotated); ok {
		at.Notes, _ = n.Notes(ctx)
	}
	return at
}

func hostProblems(c Checked, room string) []fault.Problem {
	all := slices.Clone(c.Observation.Problems)
	for _, h := range c.Observation.Hosts {
		all = append(all, otherLedger("host "+h.Name, h.Known.Ledger, c.Ledger)...)
		if h.Skew.Abs() > MaxSkew {
			side := "ahead of"
			if h.Skew < 0 {
				side = "behind"
			}
			all = append(all, fault.Problem{Code: "clock-differs",
				What: fmt.Sprintf("the clock of %s is %s %s that of this machine", h.Name,
					h.Skew.Abs().Round(time.Second), side),
				Do: []fault.Command{{Line: "timedatectl",
					Why: "on both machines; one of them does not follow a time server"}}})
		}
		if h.Free > 0 && h.Free < MinFree {
			all = append(all, fault.Problem{Code: "disk-full",
				What: fmt.Sprintf("only %d MB are free for images on %s, %d are needed", h.Free>>20, h.Name,
					MinFree>>20),
				Do: []fault.Command{{Line: room, Why: "on the host; fairlead keeps the images that rollback needs " +
					"by local tags"}}})
		}
	}
	return all
}

func databaseProblems(f database.Facts, ledger string) []fault.Problem {
	var all []fault.Problem
	for _, p := range f.Problems {
		all = append(all, fault.Problem{Code: "database-unready", What: p})
	}
	return append(all, otherLedger("the database", f.Ledger, ledger)...)
}

// otherLedger is the problem of one that knows another ledger than the one that was found.
func otherLedger(who, known, found string) []fault.Problem {
	if known == "" || known == found {
		return nil
	}
	but := "the ledger found is " + found
	if found == "" {
		but = "there is none: it was lost, or target.directory is another one than before"
	}
	return []fault.Problem{{Code: "ledger-unusable", Do: []fault.Command{{Line: "fairlead ledger verify"}},
		What: fmt.Sprintf("%s knows the ledger %s, but %s", who, known, but)}}
}

// notReady is the fault of what stands against a release: itself where it is one thing, a list where there are several.
func notReady(problems []fault.Problem) error {
	f := &fault.Fault{Code: problems[0].Code, What: problems[0].What, Means: unattempted, Outcome: fault.Refused}
	if len(problems) > 1 {
		f.Code, f.What = "check-failed", fmt.Sprintf("%d things stand against a release", len(problems))
	}
	for i, p := range problems {
		if len(problems) > 1 {
			f.What += fmt.Sprintf("\n%d. %s", i+1, p.What)
		}
		for _, c := range p.Do {
			if !slices.ContainsFunc(f.Do, func(d fault.Command) bool { return d.Line == c.Line }) {
				f.Do = append(f.Do, c)
			}
		}
	}
	f.Do = append(f.Do, askAgain)
	return fault.MarkUntouched(f)
}

// databaseUnready is a database that gave no answer, or not one to go on with.
func databaseUnready(err error) error {
	if said, ok := fault.Find(err); ok && len(said.Do) > 0 {
		return refuse("", "", err)
	}
	return fault.Because(&fault.Fault{Code: "database-unready", What: err.Error(), Means: unattempted,
		Outcome: fault.Refused, Do: []fault.Command{{Line: `psql "$PROD_DB_URL" -c 'select 1'`,
			Why: "with the URL of database.url: what PostgreSQL's own client says"}, askAgain}},
		fault.MarkUntouched(err))
}

const unattempted = "production is unchanged; nothing was attempted"

var askAgain = fault.Command{Line: "fairlead check", Why: "asks everything again"}

// refuse is a closed gate: nothing was changed. A cause that is a fault of its own says best what happened and what to
// do.
func refuse(code fault.Code, what string, err error) error {
	if said, ok := fault.Find(err); ok && len(said.Do) > 0 {
		f := *said
		f.Means, f.Outcome = unattempted, fault.Refused
		return fault.MarkUntouched(&f)
	}
	return &fault.Fault{Code: code, What: what, Means: unattempted, Outcome: fault.Refused,
		Do: []fault.Command{askAgain}, Err: fault.MarkUntouched(err)}
}
