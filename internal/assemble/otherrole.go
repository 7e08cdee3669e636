package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres"
	"fairlead/internal/fault"
	"fairlead/internal/sqltext"
)

// otherRole is a database that one role migrates and another one dumps: each is asked for its own rights only, and both
// must be at the same database of the same server.
type otherRole struct {
	*postgres.Database
	dumper *postgres.Database
}

// errElsewhere is the refusal of a backup.url that leads somewhere else than database.url.
var errElsewhere = errors.New("backup.url leads to another database than database.url")

// openRoles opens the database, for one role or for two.
func openRoles(c postgres.Config, s postgres.Session, b config.Backup) (migratedDatabase, *postgres.Database, error) {
	if b.URL.Reveal() == "" && b.Role == "" {
		d, err := postgres.Open(c, s)
		return d, d, err
	}
	dumping, of := c, s
	if b.URL.Reveal() != "" {
		dumping.URL, dumping.Role = b.URL, ""
	}
	if b.Role != "" {
		dumping.Role = b.Role
	}
	s.Duty, of.Duty = postgres.Migrating, postgres.Dumping
	d, err := postgres.Open(c, s)
	if err != nil {
		return nil, nil, err
	}
	dumper, err := postgres.Open(dumping, of)
	if err != nil {
		return nil, nil, ofBackup(err)
	}
	return otherRole{d, dumper}, d, nil
}

// ofBackup makes a fault of database.url one of backup.url.
func ofBackup(err error) error {
	said, ok := fault.Find(err)
	if !ok {
		return fmt.Errorf("backup.url: %w", err)
	}
	f := *said
	f.What = strings.Replace(f.What, "database.url", "backup.url", 1)
	return &f
}

// Preflight asks both roles.
func (o otherRole) Preflight(ctx context.Context) (database.Facts, error) {
	return both{o.Database, o.dumper}.Preflight(ctx)
}

// Checking asks both roles, and the first one for what a script needs.
func (o otherRole) Checking(s sqltext.Script, inPlace func(context.Context) (int, error)) database.Planner {
	return both{o.Database.Checking(s, inPlace), o.dumper}
}

// Dump dumps as the other role, where that is at the same database.
func (o otherRole) Dump(ctx context.Context, w io.Writer) (database.Dump, error) {
	is, err := o.Identity(ctx)
	if err != nil {
		return database.Dump{}, err
	}
	there, err := o.dumper.Identity(ctx)
	if err != nil {
		return database.Dump{}, fmt.Errorf("backup.url: %w", err)
	}
	if is != there {
		return database.Dump{}, fmt.Errorf("%w: %v, but %v", errElsewhere, there, is)
	}
	return o.dumper.Dump(ctx, w)
}

// Verify reads an archive; no server takes part.
func (o otherRole) Verify(ctx context.Context, r io.Reader, d database.Dump) error {
	return o.dumper.Verify(ctx, r, d)
}

// Globals writes what the other role may see of roles.
func (o otherRole) Globals(ctx context.Context, w io.Writer) ([]string, error) {
	return o.dumper.Globals(ctx, w)
}

// both is what two roles say, in one.
type both struct{ migrates, dumps database.Planner }

// Preflight puts the answers together; a problem of the one that dumps says so.
func (b both) Preflight(ctx context.Context) (database.Facts, error) {
	f, err := b.migrates.Preflight(ctx)
	if err != nil {
		return f, err
	}
	other, err := b.dumps.Preflight(ctx)
	f.Dumper = other.Dumper
	if err != nil {
		return f, fmt.Errorf("backup.url: %w", err)
	}
	if f.System != other.System || f.Database != other.Database || f.Timeline != other.Timeline {
		f.Problems = append(f.Problems,
			fmt.Sprintf("%v: database %s of server %s (timeline %d), but %s of %s (timeline %d)", errElsewhere,
				other.Database, other.System, other.Timeline, f.Database, f.System, f.Timeline))
	}
	for _, p := range other.Problems {
		f.Problems = append(f.Problems, "backup.url: "+p)
	}
	return f, nil
}
