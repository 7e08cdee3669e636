// Package postgres is a PostgreSQL server under a release: it answers what a plan asks, dumps, verifies dumps, and
// gives package apply its primitives (fence, marker, transaction, session, recovery after a crash). It decides nothing:
// apply does. The work is done in the packages below, each over one server.Server: applier, archive, catalog,
// preflight, trace and scratch. Start with Open.
package postgres

import (
	"context"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/applier"
	"fairlead/internal/database/postgres/archive"
	"fairlead/internal/database/postgres/catalog"
	"fairlead/internal/database/postgres/preflight"
	"fairlead/internal/database/postgres/scratch"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/trace"
	"fairlead/internal/sqlneeds"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// What the packages below call the same.
type (
	Config         = server.Config
	Container      = server.Container
	Session        = server.Session
	Duty           = server.Duty
	Reach          = server.Reach
	RehearseConfig = scratch.RehearseConfig
	Rehearser      = scratch.Rehearser
	Outside        = sqlneeds.Outside
)

// Words of the configuration, and of what a Database is used for.
const (
	ViaDirect        = server.ViaDirect
	ViaSSH           = server.ViaSSH
	ViaContainer     = server.ViaContainer
	Everything       = server.Everything
	Migrating        = server.Migrating
	Dumping          = server.Dumping
	ServerLocal      = scratch.ServerLocal
	ServerProduction = scratch.ServerProduction
	ScratchMark      = trace.ScratchMark
)

// ErrNotScratch means that a database does not say that it may be spoilt.
var ErrNotScratch = trace.ErrNotScratch

// A Database is one database on one server. It keeps no connection and may be used by several goroutines.
type Database struct {
	*applier.Applier
	*archive.Archive
	*catalog.Reader
	*preflight.Checker
	server *server.Server
}

var (
	_ apply.Server         = (*Database)(nil)
	_ apply.Recovery       = (*Database)(nil)
	_ database.Planner     = (*Database)(nil)
	_ database.Dumper      = (*Database)(nil)
	_ database.Restorer    = (*Database)(nil)
	_ database.PointInTime = (*Database)(nil)
	_ database.Imprinter   = (*Database)(nil)
)

// Open reads the configuration; it opens no connection. Zero limits are replaced by the defaults. Its errors are faults
// and never contain the password.
func Open(c Config, s Session) (*Database, error) {
	on, err := server.Open(c, s)
	if err != nil {
		return nil, err
	}
	return over(on), nil
}

func over(s *server.Server) *Database {
	return &Database{applier.New(s), archive.New(s), catalog.New(s), preflight.New(s), s}
}

// In gives the same server with another database of it.
func (d *Database) In(name string) *Database { return over(d.server.In(name)) }

// Place names server and database, without user and password.
func (d *Database) Place() string { return d.server.Place() }

// Trace applies a script to a scratch database, unit by unit and for good, and observes what each statement does; see
// trace.Run.
func (d *Database) Trace(ctx context.Context, s sqltext.Script) (sqlreview.Trace, error) {
	t, _, err := trace.Run(ctx, d.server, s, trace.Options{})
	return t, err
}

// Rehearser gives one that tries scripts on scratch copies of this database. It opens no connection.
func (d *Database) Rehearser(c RehearseConfig) *Rehearser { return scratch.New(d.server, c) }

// SetupSQL gives the statements that create the schema of markers and takeover numbers, for a role that may not create
// it itself.
func SetupSQL(schema string) string { return applier.SetupSQL(schema) }
