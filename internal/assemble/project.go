// Package assemble is the only place that knows every adapter: configuration in, plans out. It opens connections when they are first
// needed, decides nothing that a step or the engine decides, and prints nothing. Start with deploy.go, which shows a whole
// deployment on one screen; Project is what commands work with.
package assemble

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/backup"
	shelf "fairlead/internal/backup/host"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
	"fairlead/internal/migrator"
	"fairlead/internal/notify"
	"fairlead/internal/probe"
	"fairlead/internal/registry"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
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

// place is a target in all its roles.
type place interface {
	target.Looker
	target.Preparer
	target.Roller
}

// store is a database in all its roles.
type store interface {
	database.Planner
	database.Dumper
	database.Restorer
	database.PointInTime
	apply.Server
	apply.Recovery
	database.Imprinter
	marks
}

// marks is everything that was ever marked in a database, by fairlead or by the tool that made a migration.
type marks interface {
	AllMarkers(ctx context.Context, app, environment string) ([]apply.Marked, error)
	ToolHistory(ctx context.Context, w migrator.Want) (migrator.Book, error)
	Place() string
	Unmark(ctx context.Context, t fence.Ticket, k apply.Key, unit int) error
}

// A Project is one app in one environment, as configured.
type Project struct {
	Config config.Config

	options    Options
	target     place
	ledger     engine.Ledger
	history    engine.History
	database   store // nil when none is configured
	rehearser  rehearser
	ways       []way // to databases that are reached through a host
	registry   *registry.Registry
	prober     *probe.Prober
	services   map[string]string // service to the key of its image
	catalog    func(context.Context) (*sqlreview.Catalog, error)
	backups    backup.Store
	texts      sqltext.Cache // of migrations: each is parsed once
	shelf      *shelf.Config // of a store on a host, until the target is wired
	writers    *step.Writers // nil when nothing is stopped for a backup
	notifiers  []notify.Notifier
	escalation []notify.Notifier
	closers    []func() error
}

// Ledger gives the ledger as commands ask it before anything acts; the engine has its own.
func (p *Project) Ledger() engine.Ledger { return asked{p.ledger, p.history} }

// History gives the ledger for reading.
func (p *Project) History() engine.History { return asked{p.ledger, p.history} }

// Look gives what runs now. Without a target nothing is seen, at the place "".
func (p *Project) Look(ctx context.Context) (target.Observation, error) {
	if p.target == nil {
		return target.Observation{}, nil
	}
	return p.target.Look(ctx)
}

// ByHand gives what a person types in the place of the acts.
func (p *Project) ByHand() target.Runbook {
	if p.target == nil {
		return target.Runbook{}
	}
	return p.target.ByHand()
}

// Close ends all connections.
func (p *Project) Close() error {
	var first error
	for i := len(p.closers) - 1; i >= 0; i-- {
		if err := p.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	p.closers = nil
	return first
}

// Engine gives the engine of this project.
func (p *Project) Engine() *engine.Engine {
	return &engine.Engine{
		Ledger: p.ledger, Observe: p.options.Observe, Now: p.options.Now, NewID: NewID, Pause: Pause, Holder: p.options.Holder,
		Barriers: p.barriers, Before: p.options.Before, Fallback: p.fallback,
	}
}

// barriers gives the places whose takeover number is raised: the hosts always, where there are any; the database when somebody else may still be at work
// there, be it on the migration of a run that a rollback has closed. A run's own migration raises it itself, so that nothing is
// written there before.
func (p *Project) barriers(_ engine.Terms, migrating bool) []engine.Barrier {
	var all []engine.Barrier
	if p.target != nil {
		all = append(all, p.target)
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

var _ engine.Barrier = place(nil)
