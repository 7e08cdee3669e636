package planner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// A Rehearsal is asked for by hand, outside of a run.
type Rehearsal struct {
	File   string // as messages name it
	SQL    []byte
	Backup string // its name; "" takes the newest one
	Mode   string // schema or full; "" takes that of the configuration, or full
}

// Rehearse rehearses a migration with a backup that is kept. Production is only read. Two at the same time end each
// other, for each first removes what others by hand have left.
func (p *Planner) Rehearse(ctx context.Context, r Rehearsal, say func(engine.Progress)) (step.Rehearsed, error) {
	if err := p.with.Backups.Configured(); err != nil {
		return step.Rehearsed{}, err
	}
	m, err := p.with.Parser.Parse(step.Migration{File: r.File, SQL: r.SQL})
	if outside := p.staysInside(m); outside != nil {
		return step.Rehearsed{}, outside
	}
	if err != nil {
		return step.Rehearsed{}, err
	}
	manifest, err := p.with.Backups.Manifest(ctx, r.Backup)
	if err != nil {
		return step.Rehearsed{}, err
	}
	j := database.Rehearsal{Owner: p.owner() + " by hand", Run: step.Manual, Number: 1,
		Say: func(text string) { say(engine.Progress{Text: text}) }}
	trial := p.rehearsal(&m)
	trial.SchemaOnly = r.Mode == "schema" || r.Mode == "" && trial.SchemaOnly
	e, err := trial.Try(ctx, j, manifest)
	if err != nil {
		f := step.RehearsalFault(r.File, err, fault.Command{Line: "fairlead migrate rehearse FILE", Why: "tries again"})
		f.Means = "only a copy was touched, and it is gone; production is unchanged"
		if f.Outcome == 0 {
			f.Outcome = fault.FailedUnchanged
		}
		return e, f
	}
	return e, nil
}

// rehearsal is the act of trying a migration.
func (p *Planner) rehearsal(m *step.Migration) step.Rehearse {
	r := p.with.Rehearse
	r.Name, r.SQL, r.Script = m.File, m.SQL, m.Script
	return r
}

// rehearses tells whether a rehearsal is wanted and possible.
func (p *Planner) rehearses() bool { return p.with.Config.Rehearse.Wanted() && p.with.Sandbox != nil }

// parse reads a migration, and refuses one that is to be rehearsed when it could reach beyond the scratch copy.
func (p *Planner) parse(m step.Migration) (step.Migration, error) {
	m, err := p.with.Parser.Parse(m)
	if err == nil && p.rehearses() && m.NoBackup == "" && !m.Commanded() {
		err = p.staysInside(m)
	}
	return m, err
}

func (p *Planner) staysInside(m step.Migration) error {
	all := p.with.Sandbox.Outside(m.Script)
	if len(all) == 0 {
		return nil
	}
	return &fault.Fault{Code: "rehearsal-outside", Outcome: fault.Refused,
		What:  m.File + " cannot be rehearsed, for it could reach beyond the scratch copy",
		Means: "production is unchanged; nothing was attempted",
		Err:   errors.New(strings.Join(all[:min(len(all), 5)], "; ")),
		Do: []fault.Command{{Line: "fairlead review " + m.File,
			Why: "shows the statements; rehearse.server: local allows what stays on its server, rehearse: off " +
				"rehearses nothing"}}}
}

// owner names what scratch copies belong to.
func (p *Planner) owner() string { return p.with.Config.App + "/" + p.with.Config.Environment }

// SweepRehearsals drops the scratch copies that rehearsals of this app in this environment have left, and says what.
// Only the holder of the ledger's lock may call it.
func (p *Planner) SweepRehearsals(ctx context.Context) ([]string, error) {
	if !p.rehearses() {
		return nil, nil
	}
	all, err := p.with.Sandbox.Sweep(ctx, p.owner())
	if err != nil {
		err = fmt.Errorf("remove what rehearsals left: %w", err)
	}
	return all, err
}
