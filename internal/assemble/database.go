package assemble

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"fairlead/internal/applied"
	"fairlead/internal/apply"
	"fairlead/internal/backups"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres"
	"fairlead/internal/database/reach"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/planner"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
	"fairlead/internal/wire/stack"
)

// migratedDatabase is a database in all its roles.
type migratedDatabase interface {
	planner.Database
	backups.Database
	applied.Database
	apply.Server
	apply.Recovery
	database.PointInTime
	database.Imprinter
	Unmark(ctx context.Context, t fence.Ticket, k apply.Key, unit int) error
}

// sandbox is where rehearsals of a database take place.
type sandbox struct{ *postgres.Rehearser }

// Outside says what in a script could reach beyond it.
func (s sandbox) Outside(script sqltext.Script) []string {
	var all []string
	for _, o := range s.Refuses(script) {
		all = append(all, o.String())
	}
	return all
}

// databaseParts is the database with what only an adapter can give; the zero value where none is configured.
type databaseParts struct {
	all     migratedDatabase
	catalog func(context.Context) (*sqlreview.Catalog, error)
	sandbox *sandbox
	// workspace is where dumps in the directory format stand; nil for the custom format.
	workspace *step.Workspace
	indirect  string // how it is reached, where the way is not direct
}

// openDatabase opens the configured database: reached as it is configured, by one role or two.
func openDatabase(b blocks, hosts []*host.Host, state string) (databaseParts, error) {
	parts := databaseParts{catalog: func(context.Context) (*sqlreview.Catalog, error) { return nil, nil }}
	if b.database == nil {
		return parts, nil
	}
	scratch := scratchFolder(b, state)
	s := postgres.Session{App: b.App, Environment: b.Environment, Run: NewID()[:12],
		PlainArchive: b.Backup.Compression == "zstd", DirectoryJobs: directorySessions(b.Backup), Scratch: scratch}
	through, err := way(b, hosts)
	if err != nil {
		return parts, err
	}
	if through != nil {
		s.Reach, parts.indirect = through, b.database.Via
	}
	all, d, err := openRoles(*b.database, s, b.Backup)
	if err != nil {
		return parts, err
	}
	r := b.Rehearse
	parts.all, parts.catalog = all, d.Catalog
	parts.sandbox = &sandbox{d.Rehearser(postgres.RehearseConfig{Server: r.Server, Directory: r.Directory.String(),
		Programs: r.Programs.String()})}
	if s.DirectoryJobs > 0 {
		shared := b.store.dir != nil && sameDisk(b.store.dir.Path.String(), scratch)
		parts.workspace = &step.Workspace{Look: d.Workspace, Shared: shared}
	}
	return parts, nil
}

// way leads to the database through a host; nil is the direct one.
func way(b blocks, hosts []*host.Host) (*reach.Through, error) {
	c := b.database
	if c.Via == postgres.ViaDirect {
		return nil, nil
	}
	h, err := hostNamed(b, hosts, b.Config.Database, "database", c.Host)
	if err != nil || c.Via != postgres.ViaContainer {
		return &reach.Through{Host: h}, err
	}
	server := stack.Server{Service: c.Container.Service, Project: c.Container.Project, Name: c.Container.Name,
		Directory: b.target.Directory}
	if server.Project == "" && server.Name == "" {
		server.Project = b.target.Project
	}
	return &reach.Through{Host: h, Container: &server}, nil
}

// directorySessions is by how many sessions a dump in the directory format is taken and restored; 0 for the custom
// format.
func directorySessions(b config.Backup) int {
	switch {
	case b.Format != database.FormatDirectory:
		return 0
	case b.Jobs > 0:
		return b.Jobs
	}
	return min(max(2, runtime.NumCPU()), 4)
}

// scratchFolder is the folder below which directories of dumps stand: the configured one, or the one of a store of kind
// dir (under a hidden name), or one beside the outbox.
func scratchFolder(b blocks, state string) string {
	switch {
	case b.Backup.Scratch != "":
		return b.Backup.Scratch.String()
	case b.store.dir != nil:
		return b.store.dir.Path.String()
	}
	return filepath.Join(state, "scratch")
}

// sameDisk tells whether two folders are on one disk; folders that are to be made count as those above them.
func sameDisk(a, b string) bool {
	one, ok := diskOf(a)
	other, also := diskOf(b)
	return ok && also && one == other
}

func diskOf(path string) (uint64, bool) {
	for {
		st, err := os.Stat(path)
		if up := filepath.Dir(path); err != nil && up != path {
			path = up
			continue
		}
		if err != nil {
			return 0, false
		}
		s, ok := st.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, false
		}
		return uint64(s.Dev), true
	}
}
