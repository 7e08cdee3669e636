package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"fairlead/internal/fault"
)

// validate holds what the shape of the file cannot say.
func (c Config) validate() error {
	v := validator{root: c.root}
	v.name("app", c.App)
	v.name("environment", c.Environment)
	v.together(c)
	v.quiesce(c.Backup.Quiesce)
	v.jobs(c.Backup)
	if c.Approval.From == "none" && strings.TrimSpace(c.Approval.Reason) == "" {
		v.bad("approval", "approval.reason is missing: from: none needs a reason, which stands in the record")
	}
	for i, host := range c.Registry.PlainHTTP {
		if host == "" || strings.ContainsAny(host, "/@ ") {
			v.bad(fmt.Sprintf("registry.plain_http.%d", i),
				"registry.plain_http.%d must be a host with its port, like localhost:5000", i)
		}
	}
	if v.stands("health") {
		v.health(c.Health)
	}
	v.smoke(c.Smoke)
	v.migration(c.Migration)
	v.review(c.Review)
	v.rehearse(c)
	return invalid(v.problems)
}

// together holds which parts need each other: a target needs approval and health; without one there is a ledger.
func (v *validator) together(c Config) {
	if !c.Target.Present() {
		if c.Ledger.Path == "" {
			v.bad("", "target is missing; a configuration that is only for fairlead migrate names a ledger instead: "+
				"ledger: {kind: dir, path: …}")
		}
		return
	}
	for _, key := range []string{"approval", "health"} {
		if !v.stands(key) {
			v.bad("", "%s is missing", key)
		}
	}
	if v.stands("ledger") {
		v.bad("ledger",
			"ledger is only for a configuration without target: with one, the ledger lives on the target's first host")
	}
}

// stands tells whether a top key stands in the file.
func (v *validator) stands(key string) bool {
	m, ok := v.root.node.(ast.MapNode)
	if !ok {
		return false
	}
	k, _ := entry(m, key)
	return k != nil
}

type validator struct {
	root     Block
	problems Problems
}

func (v *validator) bad(key, format string, args ...any) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, v.root.problem(key, format, args...))
	}
}

func (v *validator) health(h Health) {
	if len(h.Checks) == 0 {
		v.bad("health.checks", "health.checks is empty; name at least one URL that must answer 200")
	}
	for i, u := range h.Checks {
		v.url(fmt.Sprintf("health.checks.%d", i), u)
	}
	v.time("health.every", h.Every, time.Hour)
	v.time("health.timeout", h.Timeout, 10*time.Minute)
	if h.Attempts < 1 || h.Attempts > 10_000 {
		v.bad("health.attempts", "health.attempts must be between 1 and 10000, it is %d", h.Attempts)
	}
	if h.Successes < 1 || h.Successes > h.Attempts {
		v.bad("health.successes", "health.successes must be between 1 and attempts (%d), it is %d", h.Attempts,
			h.Successes)
	}
}

func (v *validator) smoke(s Smoke) {
	v.time("smoke.timeout", s.Timeout, time.Hour)
	for i, c := range s.HTTP {
		v.url(fmt.Sprintf("smoke.http.%d.url", i), c.URL)
		if c.Status < 100 || c.Status > 599 {
			v.bad(fmt.Sprintf("smoke.http.%d.status", i), "smoke.http.%d.status must be an HTTP status, it is %d",
				i, c.Status)
		}
	}
}

// name holds app and environment to what is fit for a directory, a label and a command line.
func (v *validator) name(key, s string) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	switch {
	case len(s) > 64:
		v.bad(key, "%s is longer than 64 characters", key)
	case s == "" || strings.Trim(s, letters+"._-") != "" || !strings.Contains(letters, s[:1]):
		v.bad(key, "%s must be letters, digits, dots, dashes and underscores, got %q", key, fault.Clip(s, maxShown))
	}
}

func (v *validator) time(key string, d, most time.Duration) {
	if d <= 0 || d > most {
		v.bad(key, "%s must be more than 0 and at most %s, it is %s", key, most, d)
	}
}

func (v *validator) url(key, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		v.bad(key, "%s must be a URL that begins with http:// or https://", key)
	case u.User != nil:
		v.bad(key, "%s must not hold a user or password: it stands in plans and records", key)
	}
}

// jobs holds that a number of sessions is one that a server bears, and has a meaning.
func (v *validator) jobs(b Backup) {
	switch {
	case b.Jobs < 0 || b.Jobs > maxJobs:
		v.bad("backup.jobs", "backup.jobs must be between 1 and %d, it is %d", maxJobs, b.Jobs)
	case b.Jobs > 0 && b.Format != "directory":
		v.bad("backup.jobs",
			"backup.jobs is only for backup.format: directory; a dump of another format is taken by one session")
	}
}

// maxJobs is the most sessions that one dump may take of a server.
const maxJobs = 32

// quiesce holds that what is stopped can be resumed.
func (v *validator) quiesce(q Quiesce) {
	switch {
	case len(q.Command) == 0 && len(q.Resume) == 0:
		return
	case len(q.Command) == 0 || q.Command[0] == "":
		v.bad("backup.quiesce", "backup.quiesce.command is missing: it stops what writes to the database")
	case len(q.Resume) == 0 || q.Resume[0] == "":
		v.bad("backup.quiesce",
			"backup.quiesce.resume is missing: what was stopped must be resumed, whatever way a release ends")
	}
	v.time("backup.quiesce.timeout", q.Timeout, time.Hour)
}

func (v *validator) migration(m Migration) {
	v.time("migration.timeout", m.Timeout, 24*time.Hour)
	if m.Env == "" || strings.Trim(m.Env, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		v.bad("migration.env", "migration.env must be the name of a variable, it is %q", fault.Clip(m.Env, maxShown))
	}
}

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
