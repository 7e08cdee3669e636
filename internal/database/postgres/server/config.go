package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/wire"
)

// Config is the block "database" of the file.
type Config struct {
	// URL of the server itself (postgres://user:password@host:port/database), not of a connection pooler.
	URL config.Secret `yaml:"url,required"`
	// How the server is reached: from this machine, from a host of the target over the connection that there is to it,
	// or in a container there, which need not publish a port.
	Via string `yaml:"via" enum:"direct|ssh|container"`
	// Which of target.hosts leads to the server (via: ssh, container), as it stands there; the first one when absent.
	Host string `yaml:"host"`
	// The container of via: container. The URL's host is then only the name in its TLS certificate; its port is the one
	// inside the container.
	Container Container `yaml:"container"`
	// How long a statement of the migration waits for a lock before it gives way and is tried again.
	LockTimeout time.Duration `yaml:"lock_timeout"`
	// How long one statement of the migration may run in a transaction.
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	// A release is refused while a transaction of somebody else is open for longer than this.
	MaxOpenTransaction time.Duration `yaml:"max_open_transaction"`
	// A release is refused while a standby is further behind than this; absent: the lag is told and refuses nothing.
	MaxReplicationLag time.Duration `yaml:"max_replication_lag"`
	// Schema that holds the markers and the takeover number.
	Schema string `yaml:"schema"`
	// Where it is noted what was applied: schema (the schema named below), or none: nothing of fairlead stands in the
	// database, and statements outside transactions are refused.
	Marker string `yaml:"marker" enum:"schema|none"`
	// statements; single sends a file that the parser does not know (newer syntax) whole, as one transaction. Its
	// review finding then needs a waiver.
	ApplyMode string `yaml:"apply_mode" enum:"statements|single"`
	// Role that is taken on (SET ROLE) before anything else.
	Role string `yaml:"role"`
	// The dump program; pg_restore is expected beside it. Found by the server's version when absent.
	PgDump config.Path `yaml:"pg_dump"`
}

// Defaults fills in what the runbook expects.
func (c *Config) Defaults() {
	*c = Config{Via: "direct", LockTimeout: 2 * time.Second, StatementTimeout: 15 * time.Minute,
		MaxOpenTransaction: time.Minute, Schema: "fairlead", Marker: "schema", ApplyMode: "statements"}
}

// A Session says for whom a Database works: the fencing row's key and the name that sessions carry (fairlead/<run>).
// Notice hears what the server says beside its answers (NOTICE, WARNING); it may be nil. Reach is the way to the server
// where via is not direct.
type Session struct {
	App         string
	Environment string
	Run         string
	Notice      func(severity, message string)
	Reach       Reach
	Duty        Duty

	PlainArchive bool // dumps are not compressed inside: whoever stores them does that

	DirectoryJobs int // dumps are in the directory format, by so many sessions at once; 0: in the custom format
	// folder below which directories of dumps stand for a while; the one for temporary files when empty
	Scratch string
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
	return &fault.Fault{Code: "database-via", What: fmt.Sprintf("database.via: %s cannot be used here: it needs the "+
		"hosts of a target", via), Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do: []fault.Command{{Line: "ssh -N -L 5433:DATABASE-HOST:5432 HOST",
			Why: "is a tunnel by hand; point the URL at it, without via"}}}
}

// A Duty says what a Database is used for, so that only those rights are asked for. The zero value is everything.
type Duty int

// The duties.
const (
	Everything Duty = iota
	Migrating       // its role applies; another one dumps
	Dumping         // its role dumps; another one applies
)

// A Reach opens connections to a server that this machine does not see. Ready makes the way usable, which may take
// minutes the first time; Dial gets network and address as the URL has them, the name unresolved. Its connections end
// with an error when the way is cut. Sites are where programs can run that are missing here, the first one first; Exec
// runs one in the site of that name, is killed with ctx, and gives what the program printed and how it ended, or an
// error when that is not known.
type Reach interface {
	Ready(ctx context.Context) error
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	Place() string // how it is reached, for messages, like "through deploy@host"
	Sites(ctx context.Context) ([]wire.Site, error)
	Exec(ctx context.Context, site string, e wire.Exec, in io.Reader, out io.Writer) (wire.Ended, error)
}

// The ways to the server.
const (
	ViaDirect    = "direct"
	ViaSSH       = "ssh"
	ViaContainer = "container"
)

// Container says which container of the target's host serves the database.
type Container struct {
	// Compose service, like db; of the target's own project when several projects have it.
	Service string `yaml:"service"`
	// Compose project of that service, where it is not the target's.
	Project string `yaml:"project"`
	// Name of the container, instead of a service.
	Name string `yaml:"name"`
}

// Validate tells what does not fit together, by the key it stands under.
func (c Config) Validate() (key string, err error) {
	k := c.Container
	switch {
	case c.Via == ViaContainer && (k.Service == "") == (k.Name == ""):
		return "container", errors.New("via: container needs container.service or container.name, one of them")
	case c.Via != ViaContainer && k != (Container{}):
		return "container", errors.New("container is used with via: container only")
	case c.Via == ViaDirect && c.Host != "":
		return "host", errors.New("host is used with via: ssh and via: container only")
	case k.Name != "" && k.Project != "":
		return "container.project", errors.New("container.project belongs to a service; a container's name needs none")
	}
	for key, word := range map[string]string{"container.service": k.Service, "container.project": k.Project,
		"container.name": k.Name} {
		if word != "" && !release.Word(word) {
			return key, fmt.Errorf("%q is not a name (letters, digits, dots, dashes, underscores)", word)
		}
	}
	return "", nil
}
