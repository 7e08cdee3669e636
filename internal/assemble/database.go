package assemble

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/database/reach"
	"fairlead/internal/host"
	"fairlead/internal/target/compose"
	"fairlead/internal/wire/stack"
)

// A way leads to a database through a host, which is known once the target is.
type way struct {
	through *reach.Through
	host    string // as it stands in target.hosts; "" is the first one
	block   config.Block
}

func (p *Project) wireDatabase() error {
	b := p.Config.Database
	if !b.Present() {
		return nil
	}
	var c postgres.Config
	if err := b.Decode(&c); err != nil {
		return err
	}
	s := postgres.Session{App: p.Config.App, Environment: p.Config.Environment, Run: NewID()[:12], PlainArchive: p.Config.Backup.Compression == "zstd",
		DirectoryJobs: p.directoryJobs(), Scratch: p.scratch()}
	through, err := p.way(b, c)
	if err != nil {
		return err
	}
	if through != nil {
		s.Reach = through
	}
	all, d, err := openRoles(c, s, p.Config.Backup)
	if err != nil {
		return err
	}
	p.database, p.catalog, p.rehearser = all, d.Catalog, p.rehearsals(d)
	return nil
}

// way prepares the way to a database; nil is the direct one. The host is filled in by lead.
func (p *Project) way(b config.Block, c postgres.Config) (*reach.Through, error) {
	if key, err := c.Validate(); err != nil {
		return nil, b.Errorf(key, "database: %v", err)
	}
	if c.Via == postgres.ViaDirect {
		return nil, nil
	}
	if !p.Config.Target.Present() {
		return nil, b.Errorf("via", "database.via: %s leads through a host of the target, and there is no target", c.Via)
	}
	w := way{through: &reach.Through{}, host: c.Host, block: b}
	if c.Via == postgres.ViaContainer {
		w.through.Container = &stack.Server{Service: c.Container.Service, Project: c.Container.Project, Name: c.Container.Name}
	}
	p.ways = append(p.ways, w)
	return w.through, nil
}

// lead fills in the hosts of all ways.
func (p *Project) lead(c compose.Config, hosts []*host.Host) error {
	for _, w := range p.ways {
		at := 0
		if w.host != "" {
			at = slices.Index(c.Hosts, w.host)
		}
		if at < 0 {
			return w.block.Errorf("host", "database.host: %q is none of target.hosts (%s)", w.host, strings.Join(c.Hosts, ", "))
		}
		w.through.Host = hosts[at]
		if s := w.through.Container; s != nil {
			s.Directory = c.Directory
			if s.Project == "" && s.Name == "" {
				s.Project = c.Project
			}
		}
	}
	return nil
}

// databaseAlone opens the configured database without the rest of a project, for commands that only read it. Close what it gives.
func databaseAlone(c config.Config, d postgres.Config) (*postgres.Database, func(), error) {
	p := &Project{Config: c, options: Options{Env: os.LookupEnv}}
	through, err := p.way(c.Database, d)
	if err != nil {
		return nil, nil, err
	}
	s := postgres.Session{App: "review", Environment: "review", Run: "review-" + NewID()[:8]}
	done := func() {}
	if through != nil {
		s.Reach = through
		var t compose.Config
		if c.Target.Kind != "compose" {
			return nil, nil, c.Database.Errorf("via", "database.via: %s needs a target of kind compose", d.Via)
		}
		if err := c.Target.Decode(&t); err != nil {
			return nil, nil, err
		}
		hosts, err := p.hosts(t)
		if err != nil {
			return nil, nil, fmt.Errorf("target: %w", err)
		}
		if err := p.lead(t, hosts); err != nil {
			return nil, nil, err
		}
		done = func() { through.Host.Close() }
	}
	opened, err := postgres.Open(d, s)
	return opened, done, err
}

// hosts makes the hosts of a target, not connected yet. What they start on this machine gets none of the variables that are secrets.
func (p *Project) hosts(c compose.Config) ([]*host.Host, error) {
	folder, _ := p.options.Env("FAIRLEAD_AGENT_DIR")
	executable, _ := os.Executable() // "" finds no agent beside it, which is said when one is needed
	return c.Connect(host.FindAgents(folder, executable), without(os.Environ(), p.Config.SecretVariables()))
}
