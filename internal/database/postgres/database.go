// Package postgres is a PostgreSQL server under a release: it answers what a plan asks, dumps, verifies dumps, and gives package apply
// its primitives (fence, marker, transaction, session, decision after a crash). It decides nothing: apply does. Every call opens its own
// direct connection and closes it; a pooler is refused. pg_dump and pg_restore are child processes; the password reaches them by a file
// that no other process can open, never by argument or environment. Start with Open.
package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/fault"
)

// Config is the block "database" of the file.
type Config struct {
	URL                config.Secret `yaml:"url,required" doc:"URL of the server itself (postgres://user:password@host:port/database), not of a connection pooler."`
	Via                string        `yaml:"via" enum:"direct|ssh|container" doc:"How the server is reached: from this machine, from a host of the target over the connection that there is to it, or in a container there, which need not publish a port."`
	Host               string        `yaml:"host" doc:"Which of target.hosts leads to the server (via: ssh, container), as it stands there; the first one when absent."`
	Container          Container     `yaml:"container" doc:"The container of via: container. The URL's host is then only the name in its TLS certificate; its port is the one inside the container."`
	LockTimeout        time.Duration `yaml:"lock_timeout" doc:"How long a statement of the migration waits for a lock before it gives way and is tried again."`
	StatementTimeout   time.Duration `yaml:"statement_timeout" doc:"How long one statement of the migration may run in a transaction."`
	MaxOpenTransaction time.Duration `yaml:"max_open_transaction" doc:"A release is refused while a transaction of somebody else is open for longer than this."`
	MaxReplicationLag  time.Duration `yaml:"max_replication_lag" doc:"A release is refused while a standby is further behind than this; absent: the lag is told and refuses nothing."`
	Schema             string        `yaml:"schema" doc:"Schema that holds the markers and the takeover number."`
	Marker             string        `yaml:"marker" enum:"schema|none" doc:"Where it is noted what was applied: schema (the schema named below), or none: nothing of fairlead stands in the database, and statements outside transactions are refused."`
	ApplyMode          string        `yaml:"apply_mode" enum:"statements|single" doc:"statements; single sends a file that the parser does not know (newer syntax) whole, as one transaction. Its review finding then needs a waiver."`
	Role               string        `yaml:"role" doc:"Role that is taken on (SET ROLE) before anything else."`
	PgDump             config.Path   `yaml:"pg_dump" doc:"The dump program; pg_restore is expected beside it. Found by the server's version when absent."`
}

// Defaults fills in what the runbook expects.
func (c *Config) Defaults() {
	*c = Config{Via: "direct", LockTimeout: 2 * time.Second, StatementTimeout: 15 * time.Minute, MaxOpenTransaction: time.Minute, Schema: "fairlead", Marker: "schema", ApplyMode: "statements"}
}

// A Session says for whom a Database works: the fencing row's key and the name that sessions carry (fairlead/<run>). Notice hears what
// the server says beside its answers (NOTICE, WARNING); it may be nil. Reach is the way to the server where via is not direct.
type Session struct {
	App         string
	Environment string
	Run         string
	Notice      func(severity, message string)
	Reach       Reach
	Duty        Duty

	PlainArchive bool // dumps are not compressed inside: whoever stores them does that

	DirectoryJobs int    // dumps are in the directory format, by so many sessions at once; 0: in the custom format
	Scratch       string // folder below which directories of dumps stand for a while; the one for temporary files when empty
}

// Database is one database on one server. It keeps no connection and may be used by several goroutines.
type Database struct {
	config  Config
	session Session
	base    *pgx.ConnConfig
	query   url.Values
	idle    time.Duration // how long a session of ours may sit between two statements
}

var (
	_ apply.Server     = (*Database)(nil)
	_ apply.Recovery   = (*Database)(nil)
	_ database.Planner = (*Database)(nil)
	_ database.Dumper  = (*Database)(nil)
)

// appPrefix begins the application_name of every session of ours; only such sessions are ever ended.
const appPrefix = "fairlead/"

// Open reads the configuration; it opens no connection. Zero limits are replaced by the defaults. Its errors are faults and never
// contain the password.
func Open(c Config, s Session) (*Database, error) {
	c = withDefaults(c)
	if (c.Via == ViaDirect) != (s.Reach == nil) {
		return nil, noWay(c.Via)
	}
	base, query, err := parseURL(c.URL.Reveal())
	if err != nil {
		return nil, &fault.Fault{Code: "database-url", What: "database.url cannot be used: " + err.Error(), Outcome: fault.Misused,
			Means: "nothing was attempted; production is unchanged",
			Do:    []fault.Command{{Line: "fairlead check", Why: "reads it again once it has the form postgres://user:password@host:5432/database"}}}
	}
	d := &Database{config: c, session: s, base: base, query: query, idle: idleLimit}
	d.prepare()
	return d, nil
}

func withDefaults(c Config) Config {
	var def Config
	def.Defaults()
	if c.Via == "" {
		c.Via = def.Via
	}
	if c.LockTimeout <= 0 {
		c.LockTimeout = def.LockTimeout
	}
	if c.StatementTimeout <= 0 {
		c.StatementTimeout = def.StatementTimeout
	}
	if c.MaxOpenTransaction <= 0 {
		c.MaxOpenTransaction = def.MaxOpenTransaction
	}
	if c.Marker == "" {
		c.Marker = def.Marker
	}
	if c.ApplyMode == "" {
		c.ApplyMode = def.ApplyMode
	}
	if c.Schema == "" {
		c.Schema = def.Schema
	}
	return c
}

func noWay(via string) error {
	return &fault.Fault{Code: "database-via", What: fmt.Sprintf("database.via: %s cannot be used here: it needs the hosts of a target", via), Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do:    []fault.Command{{Line: "ssh -N -L 5433:DATABASE-HOST:5432 HOST", Why: "is a tunnel by hand; point the URL at it, without via"}}}
}

// parseURL reads a URL strictly: one host that stands in the URL itself, so that no variable of the environment can lead elsewhere.
func parseURL(raw string) (*pgx.ConnConfig, url.Values, error) {
	if !strings.HasPrefix(raw, "postgres://") && !strings.HasPrefix(raw, "postgresql://") {
		return nil, nil, fmt.Errorf("it does not begin with postgres://")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("it is not a valid URL (special characters in the password must be percent-encoded)")
	}
	query := u.Query()
	host := u.Host + query.Get("host")
	switch {
	case strings.Contains(host, ","):
		return nil, nil, fmt.Errorf("it names several hosts; name the one server that is the primary")
	case u.Hostname() == "" && query.Get("host") == "":
		return nil, nil, fmt.Errorf("it names no host")
	case u.User.Username() == "" && query.Get("user") == "":
		return nil, nil, fmt.Errorf("it names no user")
	case strings.Trim(u.Path, "/") == "" && query.Get("dbname") == "":
		return nil, nil, fmt.Errorf("it names no database")
	case os.Getenv("PGSERVICE") != "":
		return nil, nil, fmt.Errorf("the variable PGSERVICE is set and would change where it leads; unset it")
	case query.Has("service"), query.Has("servicefile"), query.Has("passfile"):
		return nil, nil, fmt.Errorf("service, servicefile and passfile are not supported in it")
	}
	c, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("it is refused (%s)", reason(err, u))
	}
	return c, query, nil
}

// reason gives pgx's word for what is wrong without anything that might be the password.
func reason(err error, u *url.URL) string {
	text := err.Error()
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+3:]
	}
	return redact(text, u)
}

func redact(text string, u *url.URL) string {
	password, set := u.User.Password()
	for _, p := range []string{password, url.QueryEscape(password), url.PathEscape(password), u.Query().Get("password"), u.Query().Get("sslpassword")} {
		if set && len(p) > 0 || !set && len(p) > 3 {
			text = strings.ReplaceAll(text, p, "***")
		}
	}
	return text
}

// prepare sets what every connection has in common.
func (d *Database) prepare() {
	params := map[string]string{"application_name": applicationName(d.session.Run)}
	for _, name := range []string{"options", "search_path"} {
		if d.query.Has(name) {
			params[name] = d.query.Get(name)
		}
	}
	d.base.RuntimeParams = params
	d.base.DefaultQueryExecMode = pgx.QueryExecModeExec
	d.base.StatementCacheCapacity = 0
	d.base.DescriptionCacheCapacity = 0
	if d.base.ConnectTimeout == 0 || d.base.ConnectTimeout > connectLimit {
		d.base.ConnectTimeout = connectLimit
	}
	dialer := &net.Dialer{Timeout: d.base.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}}
	d.base.DialFunc = dialer.DialContext
	if d.session.Reach != nil {
		d.base.DialFunc = d.session.Reach.Dial
		d.base.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the other side resolves it
	}
	d.base.OnNotice = d.notice
}

// applicationName is at most 63 bytes, as the server cuts it.
func applicationName(run string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, appPrefix+run)
	return name[:min(len(name), 63)]
}

// Place names server and database, without user and password.
func (d *Database) Place() string {
	place := net.JoinHostPort(d.base.Host, fmt.Sprint(d.base.Port)) + "/" + d.base.Database
	if d.session.Reach != nil {
		place += " " + d.session.Reach.Place()
	}
	return place
}

// table gives the quoted name of one of our tables.
func (d *Database) table(name string) string {
	return pgx.Identifier{d.config.Schema, name}.Sanitize()
}

// limit gives ctx a time limit of its own, so that a silent network cannot hold a call for ever.
func limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}
