package assemble

import (
	"context"
	"errors"
	"os"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/fault"
	"fairlead/internal/host"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// CatalogAt reads the catalog of the database at a URL. Nothing is written there.
func CatalogAt(ctx context.Context, url config.Secret) (*sqlreview.Catalog, error) {
	d, err := postgres.Open(postgres.Config{URL: url}, session())
	if err != nil {
		return nil, err
	}
	return readCatalog(ctx, d)
}

// CatalogOf reads the catalog of the configured database. Nothing is written there.
func CatalogOf(ctx context.Context, c config.Config) (*sqlreview.Catalog, error) {
	if !c.Database.Present() {
		return nil, &fault.Fault{Code: "config", Outcome: fault.Misused, What: "the configuration names no database",
			Means: "nothing was attempted; production is unchanged",
			Do:    []fault.Command{{Line: "fairlead catalog dump --database URL", Why: "names one for this call"}}}
	}
	b := blocks{Config: c}
	if err := b.decodeDatabase(); err != nil {
		return nil, err
	}
	var hosts []*host.Host
	if b.database.Via != postgres.ViaDirect {
		err := b.decodeTarget()
		if err == nil {
			hosts, err = connect(b, without(os.Environ(), c.SecretVariables()), os.LookupEnv)
		}
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			defer h.Close()
		}
	}
	through, err := way(b, hosts)
	if err != nil {
		return nil, err
	}
	s := session()
	if through != nil {
		s.Reach = through
	}
	d, err := postgres.Open(*b.database, s)
	if err != nil {
		return nil, err
	}
	return readCatalog(ctx, d)
}

func readCatalog(ctx context.Context, d *postgres.Database) (*sqlreview.Catalog, error) {
	catalog, err := d.Catalog(ctx)
	if err != nil {
		return nil, unread("the catalog cannot be read", err)
	}
	return catalog, nil
}

// TraceAt applies a migration to the scratch database at a URL, for good, and tells what the server did.
func TraceAt(ctx context.Context, url config.Secret, script sqltext.Script) (sqlreview.Trace, error) {
	d, err := postgres.Open(postgres.Config{URL: url}, session())
	if err != nil {
		return sqlreview.Trace{}, err
	}
	t, err := d.Trace(ctx, script)
	switch {
	case errors.Is(err, postgres.ErrNotScratch):
		return t, &fault.Fault{Code: "not-scratch", Outcome: fault.Misused,
			What: "the database does not say that it may be spoilt", Err: err,
			Means: "nothing was tried; the database is unchanged",
			Do: []fault.Command{{Line: "psql -c \"COMMENT ON DATABASE name IS '" + postgres.ScratchMark + "'\"",
				Why: "marks a copy that nobody needs; never mark a database that somebody uses"}}}
	case err != nil:
		return t, &fault.Fault{Code: "trace-failed", Outcome: fault.Misused,
			What: "the migration could not be tried to its end", Err: err,
			Means: "the scratch database may be changed in part; nothing else was touched",
			Do:    []fault.Command{{Line: "fairlead review --trace URL FILE", Why: "tries it again, on a fresh copy"}}}
	}
	return t, nil
}

// session is that of commands that belong to no run.
func session() postgres.Session {
	return postgres.Session{App: "review", Environment: "review", Run: "review-" + NewID()[:8]}
}

func unread(what string, err error) error {
	return &fault.Fault{Code: "database-unread", Outcome: fault.Misused, What: what,
		Means: "nothing was changed in the database", Err: err,
		Do: []fault.Command{{Line: "fairlead review --catalog catalog.json FILE",
			Why: "works from a catalog that somebody with access has dumped"}}}
}

// SetupSQL gives the statements that make the place of markers and takeover numbers, for a role that may create it. It
// opens no connection; without a database in the configuration it is an error of the configuration.
func SetupSQL(c config.Config) (string, error) {
	if !c.Database.Present() {
		return "", c.Errorf("database", "there is no database in the configuration")
	}
	var d postgres.Config
	if err := c.Database.Decode(&d); err != nil {
		return "", err
	}
	return postgres.SetupSQL(d.Schema), nil
}
