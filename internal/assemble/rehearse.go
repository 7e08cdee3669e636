package assemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/program"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// rehearser tries scripts on scratch copies.
type rehearser interface {
	Rehearse(ctx context.Context, j database.Rehearsal, s sqltext.Script) (database.Rehearsed, sqlreview.Trace, error)
	Refuses(s sqltext.Script) []postgres.Outside
	Sweep(ctx context.Context, owner string) ([]string, error)
}

// rehearsals opens what the configuration says of them; nil without a database.
func (p *Project) rehearsals(d *postgres.Database) rehearser {
	c := p.Config.Rehearse
	return d.Rehearser(postgres.RehearseConfig{Server: c.Server, Directory: c.Directory.String(), Programs: c.Programs.String()})
}

// rehearse is the step between backup and migrate, or no step where none is wanted.
func (p *Project) rehearse(name string, sql []byte, script sqltext.Script, inPlace func(context.Context) (int, error)) []engine.Step {
	if !p.Config.Rehearse.Wanted() || p.rehearser == nil {
		return nil
	}
	r := p.rehearsal(name, sql, script)
	r.InPlace = inPlace
	return []engine.Step{r}
}

func (p *Project) rehearsal(name string, sql []byte, script sqltext.Script) step.Rehearse {
	c := p.Config.Rehearse
	return step.Rehearse{On: p.rehearser, Store: p.backups, SchemaOnly: c.Mode == "schema", Limit: c.Limit, Name: name, SQL: sql, Script: script, Policy: p.policy(),
		Catalog: p.catalog, Old: c.Smoke.Old.Command, New: c.Smoke.New.Command, Command: p.checkCommand}
}

// checkCommand runs a check of a version with our environment, without what went into secrets.
func (p *Project) checkCommand(ctx context.Context, argv, environ []string) error {
	environ = append(without(os.Environ(), p.Config.SecretVariables()), environ...)
	return program.Run(ctx, p.Config.Rehearse.Smoke.Timeout, environ, argv)
}

// rehearsable refuses a script, before anything is done, that could reach beyond the scratch copy.
func (p *Project) rehearsable(name string, script sqltext.Script) error {
	if !p.Config.Rehearse.Wanted() || p.rehearser == nil {
		return nil
	}
	return p.staysInside(name, script)
}

func (p *Project) staysInside(name string, script sqltext.Script) error {
	all := p.rehearser.Refuses(script)
	if len(all) == 0 {
		return nil
	}
	var words []string
	for _, o := range all[:min(len(all), 5)] {
		words = append(words, o.String())
	}
	f := &fault.Fault{Code: "rehearsal-outside", What: name + " cannot be rehearsed, for it could reach beyond the scratch copy", Outcome: fault.Refused,
		Means: "production is unchanged; nothing was attempted", Err: errors.New(strings.Join(words, "; ")),
		Do: []fault.Command{{Line: "fairlead review " + name, Why: "shows the statements; rehearse.server: local allows what stays on its server, rehearse: off rehearses nothing"}}}
	return f
}

// owner names what scratch copies belong to.
func (p *Project) owner() string { return p.Config.App + "/" + p.Config.Environment }

// SweepRehearsals drops the scratch copies that rehearsals of this app in this environment have left, and says what. Only the holder of
// the ledger's lock may call it.
func (p *Project) SweepRehearsals(ctx context.Context) ([]string, error) {
	if !p.Config.Rehearse.Wanted() || p.rehearser == nil {
		return nil, nil
	}
	all, err := p.rehearser.Sweep(ctx, p.owner())
	if err != nil {
		err = fmt.Errorf("remove what rehearsals left: %w", err)
	}
	return all, err
}

// rehearseTerms is what of the configuration decides what a rehearsal proves; nil for none.
type rehearseTerms struct {
	Mode, Server string
	Old, New     []string
}

func rehearseTermsOf(c config.Rehearse) *rehearseTerms {
	if !c.Wanted() {
		return nil
	}
	t := &rehearseTerms{Mode: c.Mode, Server: c.Server.Reveal(), Old: c.Smoke.Old.Command, New: c.Smoke.New.Command}
	if t.Server != postgres.ServerLocal && t.Server != postgres.ServerProduction {
		t.Server = "url"
	}
	return t
}
