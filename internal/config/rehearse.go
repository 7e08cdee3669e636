package config

import (
	"strings"
	"time"
)

// Rehearse says whether a migration is tried on a scratch copy first, and where. A bare word stands for its mode.
type Rehearse struct {
	// off; schema restores only the schema of the backup (fast, blind for data); full restores all of it.
	Mode string `yaml:"mode,required,shorthand" enum:"off|schema|full"`
	// Where: local (the default) starts a server from the programs of this machine, production uses the server of the
	// database itself, a URL names a server for scratch databases.
	Server Secret `yaml:"server"`
	// Below which a local server keeps its files while it runs; it holds a copy of production's data. The system's
	// directory for temporary files when absent.
	Directory Path `yaml:"directory"`
	// Directory with initdb and postgres for a local server. Found by the server's version when absent.
	Programs Path `yaml:"programs"`
	// How long a rehearsal may take.
	Limit time.Duration `yaml:"limit"`
	// Commands that tell whether each version works on the schema of the other one; their results are told and decide
	// nothing.
	Smoke RehearseSmoke `yaml:"smoke"`
}

// Defaults fills in: no rehearsal.
func (r *Rehearse) Defaults() {
	r.Mode, r.Server, r.Limit = "off", NewSecret("local"), time.Hour
}

// RehearseSmoke names commands that run on this machine, with the URL of the scratch database in FAIRLEAD_SCRATCH_URL
// and the version's images in FAIRLEAD_IMAGE_<SERVICE>.
type RehearseSmoke struct {
	// A check of the version that runs now; it meets the new schema.
	Old RehearseCheck `yaml:"old"`
	// A check of the new version; it meets the old schema.
	New RehearseCheck `yaml:"new"`
	// How long one of them may take.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults fills in two minutes.
func (r *RehearseSmoke) Defaults() { r.Timeout = 2 * time.Minute }

// RehearseCheck is a command. Exit status 0 means that it passed.
type RehearseCheck struct {
	// The program and its arguments.
	Command []string `yaml:"command,required"`
}

// Wanted tells whether there is to be a rehearsal.
func (r Rehearse) Wanted() bool { return r.Mode != "" && r.Mode != "off" }

func (v *validator) rehearse(c Config) {
	r := c.Rehearse
	if !r.Wanted() {
		return
	}
	if !c.Database.Present() || !c.Backup.Store.Present() {
		v.bad("rehearse", "rehearse needs database and backup.store: a rehearsal restores the backup just taken")
	}
	at := r.Server.Reveal()
	if at != "local" && at != "production" && !strings.HasPrefix(at, "postgres://") &&
		!strings.HasPrefix(at, "postgresql://") {
		v.bad("rehearse.server", "rehearse.server must be local, production, or a URL that begins with postgres://")
	}
	v.time("rehearse.limit", r.Limit, 24*time.Hour)
	v.time("rehearse.smoke.timeout", r.Smoke.Timeout, time.Hour)
}
