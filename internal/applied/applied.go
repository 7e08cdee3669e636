// Package applied tells which migrations are applied here: by the markers in the database or, where it keeps none, by
// what runs have noted in the ledger; and what the tool that made a migration has written down itself. It changes
// nothing. Start with Migrations.
package applied

import (
	"context"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/migrator"
	"fairlead/internal/step"
)

// A Database is everything that was ever marked in it, by fairlead or by the tool that made a migration.
type Database interface {
	Identity(ctx context.Context) (apply.Identity, error)
	Markers(ctx context.Context, k apply.Key) ([]apply.Marker, error)
	AllMarkers(ctx context.Context, app, environment string) ([]apply.Marked, error)
	ToolHistory(ctx context.Context, w migrator.Want) (migrator.History, error)
}

// Parts is what Migrations are told from.
type Parts struct {
	App, Environment string
	Database         Database // nil when none is configured
	Ledger           engine.Ledger
	History          engine.History
	Parser           step.Parser
}

// Migrations are those of one app in one environment.
type Migrations struct{ with Parts }

// New tells of migrations from these parts.
func New(with Parts) *Migrations { return &Migrations{with} }

// InPlace counts the units of a migration that are in place: by fairlead's markers, from the first on, or, where there
// is none, by the tool's own history, in which case all of them are.
func (a *Migrations) InPlace(ctx context.Context, m step.Migration) (int, error) {
	n, err := a.marked(ctx, m.SHA256())
	read := a.ToolHistory(m)
	if err != nil || n > 0 || read == nil {
		return n, err
	}
	r, err := read(ctx)
	if err != nil || r.State != migrator.Applied {
		return 0, err
	}
	return len(m.Script.Units), nil
}

// ToolHistory gives what reads the history of the tool that made a file; nil where nothing shows a tool.
func (a *Migrations) ToolHistory(m step.Migration) func(context.Context) (migrator.Reading, error) {
	want, ok := migrator.WantOf(m.File, m.SQL)
	if !ok || m.Commanded() || a.with.Database == nil {
		return nil
	}
	return func(ctx context.Context) (migrator.Reading, error) {
		book, err := a.with.Database.ToolHistory(ctx, want)
		if err != nil {
			return migrator.Reading{}, err
		}
		return want.Judge(book), nil
	}
}

// unread is a database that did not say what it knows.
func unread(err error) error {
	if _, ok := fault.Find(err); ok {
		return err
	}
	return &fault.Fault{Code: "markers-unread", What: "the markers of the database cannot be read", Err: err,
		Outcome: fault.Refused,
		Means:   "nothing was changed by this command; what is applied is as it was",
		Do: []fault.Command{{Line: `psql "$PROD_DB_URL" -c 'select 1'`,
			Why: "with the URL of database.url: what PostgreSQL's own client says"}}}
}
