// Package scratch tries a script on a copy that is made for it, out of a backup, and dropped afterwards: on a server
// that is started from the programs of this machine, on one that is given, or beside production. Start with Rehearser.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/tempdir"
	"fairlead/internal/database/postgres/trace"
	"fairlead/internal/sqlneeds"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// Where a rehearsal takes place, when it is no URL.
const (
	ServerLocal      = "local"      // a server that is started for it from the programs of this machine
	ServerProduction = "production" // the server of the database itself
)

// RehearseConfig says where scratch copies are made.
type RehearseConfig struct {
	Server config.Secret // ServerLocal, ServerProduction, or the URL of a server for scratch databases
	// below which a local server makes its own; "" for the system's directory for temporary files
	Directory string
	Programs  string // directory with initdb and postgres; "" looks in the usual places
}

// A Rehearser tries scripts on scratch copies of one database.
type Rehearser struct {
	production *server.Server
	config     RehearseConfig
	free       func(path string) (int64, error)
	every      time.Duration
}

// New gives one for the database of a server.
func New(production *server.Server, c RehearseConfig) *Rehearser {
	return &Rehearser{production: production, config: c, free: tempdir.Free, every: spaceWatch}
}

// Refuses gives the places of a script for which it cannot be rehearsed where this rehearser works.
func (r *Rehearser) Refuses(s sqltext.Script) []sqlneeds.Outside {
	all := sqlneeds.OutsideEffects(s)
	if r.config.Server.Reveal() != ServerLocal {
		return all
	}
	var refused []sqlneeds.Outside
	for _, o := range all {
		if !o.Shared && !o.Unread { // on a server of its own the rest harms nobody
			refused = append(refused, o)
		}
	}
	return refused
}

// Sweep drops what earlier rehearsals of an owner left on the server, and what dead processes left on this machine, and
// says what.
func (r *Rehearser) Sweep(ctx context.Context, owner string) ([]string, error) {
	removed := sweepHomes(ctx, r.directory())
	on, err := r.databases(owner)
	if err != nil || on == nil {
		return removed, err
	}
	names, err := on.sweep(ctx, owner)
	return append(removed, names...), err
}

// databases gives those of the server that scratch databases are made on; nil for one that is started for it.
func (r *Rehearser) databases(owner string) (*databases, error) {
	switch at := r.config.Server; at.Reveal() {
	case ServerLocal:
		return nil, nil
	case ServerProduction:
		return databasesOn(asRehearsal(r.production, owner)), nil
	default:
		d, err := server.Open(r.at(at), server.Session{Scratch: r.production.Session.Scratch})
		if err != nil {
			return nil, fmt.Errorf("rehearse.server: %w", err)
		}
		return databasesOn(asRehearsal(d, owner)), nil
	}
}

// at is the configuration of a database elsewhere that stands for the production database.
func (r *Rehearser) at(url config.Secret) server.Config {
	c := r.production.Config
	return server.Config{URL: url, PgDump: c.PgDump, Schema: c.Schema, StatementTimeout: c.StatementTimeout}
}

// Rehearse restores the archive into a scratch database, counts its rows, and runs the script there twice under the
// trace. A statement that fails is part of the trace and no error. Whatever happens, the scratch database is dropped;
// what a killed process leaves is found by the next Rehearse or Sweep. Errors: database.ErrOutside,
// database.ErrNoSpace, database.ErrNoScratch, or what the server said.
func (r *Rehearser) Rehearse(ctx context.Context, j database.Rehearsal, s sqltext.Script) (database.Rehearsed,
	sqlreview.Trace, error) {
	if refused := r.Refuses(s); len(refused) > 0 {
		return database.Rehearsed{}, sqlreview.Trace{}, fmt.Errorf("%w: %s", database.ErrOutside, refused[0])
	}
	st, err := r.open(ctx, j, s)
	if err != nil {
		return database.Rehearsed{}, sqlreview.Trace{}, err
	}
	defer st.close()
	watched, stop := r.watch(ctx, st.disk, st.original.size)
	defer stop()
	out, observed, err := st.rehearse(watched, j, s)
	if cause := context.Cause(watched); err != nil && errors.Is(cause, database.ErrNoSpace) {
		err = cause
	}
	return out, observed, errors.Join(err, st.drop(ctx))
}

// rehearse does what is to be done on an open stage.
func (st *rehearsal) rehearse(ctx context.Context, j database.Rehearsal, s sqltext.Script) (database.Rehearsed,
	sqlreview.Trace, error) {
	out := database.Rehearsed{Where: st.where, Server: st.version}
	var observed sqlreview.Trace
	j.Say("restoring the backup on " + st.where)
	began := time.Now()
	if err := st.build(ctx, j); err != nil {
		return out, observed, fmt.Errorf("restore the backup on %s: %w", st.where, err)
	}
	out.Restored = time.Since(began).Milliseconds()
	if !j.SchemaOnly {
		j.Say("counting the rows of the copy")
		if err := st.count(ctx, j.Dump, &out); err != nil {
			return out, observed, err
		}
	}
	var err error
	if j.NewOnOld != nil {
		j.Say("the new version's checks, on the old schema")
		if out.NewOnOld, err = st.tryCopy(ctx, j.NewOnOld); err != nil {
			return out, observed, err
		}
	}
	j.Say("running the migration twice on the copy")
	options := trace.Options{From: j.From}
	if j.OldOnNew != nil {
		options.Between = func(ctx context.Context) error {
			j.Say("the old version's checks, on the new schema")
			var err error
			out.OldOnNew, err = st.try(ctx, st.name, j.OldOnNew)
			return err
		}
	}
	observed, out.Units, err = trace.Run(ctx, st.trier(st.name), s, options)
	out.Notes = append(st.notes, tooLong(observed, st.base.Config.StatementTimeout)...)
	if err != nil {
		return out, observed, fmt.Errorf("run the migration on the copy: %w", err)
	}
	return out, observed, nil
}

// tooLong names the statements that production would cancel.
func tooLong(observed sqlreview.Trace, most time.Duration) []string {
	var all []string
	for _, o := range observed.Statements {
		if took := time.Duration(o.Milliseconds) * time.Millisecond; took > most && !o.Blind {
			all = append(all, fmt.Sprintf("line %d took %s, and would be cancelled after database.statement_timeout, "+
				"%s", o.Line, took.Round(100*time.Millisecond), most))
		}
	}
	return all
}

// count compares objects and rows of the copy with those of the dump.
func (st *rehearsal) count(ctx context.Context, dump database.Dump, out *database.Rehearsed) error {
	if err := st.databases.archive.Compare(ctx, st.name, dump); err != nil {
		return fmt.Errorf("count in the copy: %w", err)
	}
	out.Counted, out.Tables = true, len(dump.Tables)
	for _, n := range dump.Tables {
		out.Rows += n
	}
	return nil
}

// try runs a check with the URL of a database. That it fails is a result.
func (st *rehearsal) try(ctx context.Context, name string, check func(context.Context, string) error) (*database.Tried,
	error) {
	url, err := st.urlFor(ctx, name)
	if err != nil {
		return nil, err
	}
	err = check(ctx, url.Reveal())
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return &database.Tried{Fails: st.databases.server.Redacted(server.Shortened(err.Error(), 500))}, nil
	}
	return &database.Tried{}, nil
}

// tryCopy does it on a copy of the copy, which is dropped.
func (st *rehearsal) tryCopy(ctx context.Context, check func(context.Context, string) error) (*database.Tried, error) {
	name := st.name + "_b"
	defer func() { _ = st.databases.dropScratch(ctx, name) }() // drop finds it again
	if err := st.databases.copyDatabase(ctx, st.name, name); err != nil {
		return nil, err
	}
	return st.try(ctx, name, check)
}
