// Package assemble is the only place that knows every adapter: it decodes the configuration, constructs what is
// configured in the order in which one thing needs another, and introduces it to those who decide: planner, backups,
// applied. It decides nothing itself, opens no connection and prints nothing. Start with New.
package assemble

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"fairlead/internal/applied"
	"fairlead/internal/backup"
	"fairlead/internal/backups"
	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/host"
	"fairlead/internal/planner"
	"fairlead/internal/probe"
	"fairlead/internal/registry"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
	"fairlead/internal/target"
)

// Options is what the edge of the program brings along. All fields but Before are needed.
type Options struct {
	Observe engine.Observer
	Holder  engine.Holder
	Now     func() time.Time
	Env     func(string) (string, bool)
	State   string // directory for the outbox and the mirror of ledgers, like ~/.local/state/fairlead
	Before  func(context.Context, engine.Spec) error
	Decided step.Decision // what a person says of an attempt whose end is not known
	Waivers string        // file of waivers for the review; "" or a file that is not there: none
}

// A Project is one app in one environment, as configured.
type Project struct {
	*planner.Planner
	*backups.Backups
	*applied.Migrations
	*notes

	options  Options
	hosts    []*host.Host
	running  running
	asked    refusingLedger
	database migratedDatabase // nil when none is configured
}

// New introduces to each other what a configuration asks for. It opens no connection; its errors are about the
// configuration, with line and column. Close what it gives.
func New(c config.Config, o Options) (*Project, error) {
	b, err := decode(c)
	if err != nil {
		return nil, err
	}
	// Whatever is started on this machine gets none of the variables that went into secrets.
	environ := without(os.Environ(), c.SecretVariables())
	hosts, err := connect(b, environ, o.Env)
	if err != nil {
		return nil, err
	}
	database, err := openDatabase(b, hosts, o.State)
	if err != nil {
		return nil, err
	}
	store, err := openStore(b, hosts, o.Env)
	if err != nil {
		return nil, err
	}
	notes, err := openNotes(b, o)
	if err != nil {
		return nil, err
	}
	running, err := openTarget(b, hosts, o)
	if err != nil {
		return nil, err
	}
	parser := step.Parser{}
	if b.database != nil {
		parser = step.Parser{Whole: b.database.ApplyMode == "single", Markerless: b.database.Marker == "none"}
	}
	migrations := applied.New(applied.Parts{App: c.App, Environment: c.Environment, Database: database.all,
		Ledger: running.ledger, History: running.history, Parser: parser})
	taking := step.Backup{Database: database.all, Scratch: database.all, Store: store, Level: c.Backup.Verify,
		Now: o.Now, Workspace: database.workspace}
	asked := refusingLedger{running.ledger, running.history}
	kept := backups.New(backups.Parts{App: c.App, Environment: c.Environment, Database: database.all, Store: store,
		Ledger: asked, History: asked, Now: o.Now, Backup: taking, Retention: backup.Retention(c.Backup.Keep),
		Sessions: directorySessions(c.Backup)})
	review := step.Review{Catalog: database.catalog, Policy: b.policy, Now: o.Now,
		Waivers: func() ([]sqlreview.Waiver, error) { return ReadWaivers(o.Waivers) }}
	prober := probe.New(nil)
	parts := planner.Parts{
		Config: c, Observe: o.Observe, Now: o.Now, Ledger: running.ledger, History: running.history,
		Target:   running.target,
		Services: running.services, Database: database.all, Indirect: database.indirect, Applied: migrations,
		Backups: kept, Parser: parser,
		Scratch: scratchKind(c.Rehearse), Writers: writers(c.Backup.Quiesce, environ, o.Now),
		Verify: registry.New(registry.Options{PlainHTTP: c.Registry.PlainHTTP}).Check, Review: review, Backup: taking,
		Migrate: step.Migrate{Server: database.all, Recovery: database.all, PointInTime: database.all,
			Clock: systemClock{}},
		Command: command(b, database.all, environ, o), Health: health(c.Health, prober), Smoke: smoke(c.Smoke, prober),
	}
	if database.sandbox != nil {
		parts.Sandbox = database.sandbox
		parts.Rehearse = rehearse(c.Rehearse, database, store, review, environ)
	}
	return &Project{Planner: planner.New(parts), Backups: kept, Migrations: migrations, notes: notes, options: o,
		hosts: hosts, running: running, asked: asked, database: database.all}, nil
}

// Ledger gives the ledger as commands ask it before anything acts; the engine has its own.
func (p *Project) Ledger() engine.Ledger { return p.asked }

// History gives the ledger for reading.
func (p *Project) History() engine.History { return p.asked }

// Look gives what runs now. Without a target nothing is seen, at the place "".
func (p *Project) Look(ctx context.Context) (target.Observation, error) {
	if p.running.target == nil {
		return target.Observation{}, nil
	}
	return p.running.target.Look(ctx)
}

// Close ends all connections.
func (p *Project) Close() error {
	var all []error
	for _, h := range p.hosts {
		all = append(all, h.Close())
	}
	p.hosts = nil
	return errors.Join(all...)
}

// Engine gives the engine of this project.
func (p *Project) Engine() *engine.Engine {
	return &engine.Engine{
		Ledger: p.running.ledger, Observe: p.options.Observe, Now: p.options.Now, NewID: NewID, Pause: Pause,
		Holder: p.options.Holder, Barriers: p.barriers, Before: p.options.Before, Fallback: p.Fallback,
	}
}

// barriers gives the places whose takeover number is raised: the hosts always, where there are any; the database when
// somebody else may still be at work there, be it on the migration of a run that a rollback has closed. A run's own
// migration raises it itself, so that nothing is written there before.
func (p *Project) barriers(_ engine.Terms, migrating bool) []engine.Barrier {
	var all []engine.Barrier
	if p.running.target != nil {
		all = append(all, p.running.target)
	}
	if migrating && p.database != nil {
		all = append(all, p.database)
	}
	return all
}

// NewRun makes the id of a run, like "r-20261124-203015-7f3a".
func (p *Project) NewRun() engine.RunID {
	return engine.RunID(fmt.Sprintf("r-%s-%s", p.options.Now().UTC().Format("20060102-150405"), NewID()[:4]))
}

// NewID makes an id that nobody else makes: 128 random bits in hex.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// Pause waits, or returns early with the context's error.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
