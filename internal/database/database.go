// Package database is the contract of a database under a release: what a plan asks of it before anything happens, the
// dump, and the catalog for the reviewer. Applying is the contract of package apply. Implementations stand in the
// folders below. Start with Planner.
package database

import (
	"context"
	"errors"
	"io"
	"time"
)

// The sentinels of a database; test with errors.Is.
var (
	// ErrUnreachable: the server does not answer or refuses the connection.
	ErrUnreachable = errors.New("the database cannot be reached")
	// ErrPooler: the URL goes through a connection pooler or proxy, on which locks and limits mean nothing.
	ErrPooler = errors.New("the URL goes through a connection pooler")
	// ErrVersion: the dump program is older than the server.
	ErrVersion = errors.New("pg_dump is older than the server")
	// ErrOccupied: a database that was to be new exists, or one that was to be empty is not.
	ErrOccupied = errors.New("the database is not a new one")
)

// A Planner answers what a plan asks. Preflight changes nothing.
type Planner interface {
	Preflight(ctx context.Context) (Facts, error)
}

// A Dumper writes a dump. Dump streams a dump to w and returns only after the dump program has ended well: an error
// means that what w got is worthless. Counts are those of the dump's own snapshot. Verify reads the whole archive, from
// r, and compares its contents with what is listed in d; it gives what differs as an error. Globals writes what no dump
// of one database holds (roles and their memberships) as statements, without passwords, and gives in words what is
// missing from it.
type Dumper interface {
	Dump(ctx context.Context, w io.Writer) (Dump, error)
	Verify(ctx context.Context, r io.Reader, d Dump) error
	Globals(ctx context.Context, w io.Writer) (missing []string, err error)
}

// A Restorer makes, fills, compares and drops databases beside the configured one, which it never changes.
// CreateDatabase makes an empty one (ErrOccupied when the name is taken). Restore writes an archive into a database
// that holds nothing (ErrOccupied otherwise), and stops at the first error. Compare counts objects and rows there and
// gives what differs from d as an error. DropDatabase ends the sessions there; that it is gone already is fine. Swap
// puts a database into the place of the configured one, which is kept under another name: settings, owner and grants of
// the old one pass to the new one, sessions of both end, and when it fails everything has its old name.
type Restorer interface {
	CreateDatabase(ctx context.Context, n NewDatabase) error
	Restore(ctx context.Context, name string, r io.Reader, o RestoreOptions) error
	Compare(ctx context.Context, name string, d Dump) error
	DropDatabase(ctx context.Context, name string) error
	Swap(ctx context.Context, name, keep string) error
}

// A PointInTime says, just before a database is changed, how far it has gone since a snapshot, and marks the moment
// where it can. An empty name in the point means that none was made; Why says why.
type PointInTime interface {
	Since(ctx context.Context, m Mark) (Gap, error)
	RestorePoint(ctx context.Context, name string) (RestorePoint, error)
}

// A NewDatabase is a database to be created beside the configured one.
type NewDatabase struct {
	Name    string
	Locale  Locale // encoding and collation; the zero value takes those of the configured database
	Private bool   // nobody but its owner and superusers may connect
	Comment string // what the database is for, kept with it; "" for none
}

// The formats of a dump.
const (
	FormatCustom    = "custom"
	FormatDirectory = "directory" // as a tar, its table of contents first
)

// A RestoreOptions says how an archive is written into a database. The zero value restores everything, in one session.
type RestoreOptions struct {
	// path of the archive; when given, it is read instead of the reader, by Jobs sessions at once
	File               string
	Jobs               int    // only with File or FormatDirectory
	Format             string // of the archive; FormatCustom when empty
	Dumper             string // version of the program that wrote the archive
	SchemaOnly         bool
	Owners             bool // objects get the owners and grants of the archive; the roles must exist
	Analyze            bool // statistics are gathered afterwards
	WithoutReplication bool // no publications and no subscriptions, so that a copy takes no part in replication
}

// A Mark is the moment of a snapshot.
type Mark struct {
	At       time.Time
	LSN      string
	Timeline int64
	Activity map[string]int64
}

// A Gap is what happened since a snapshot: what a restore of its dump would lose. Rows and Tables come from the
// server's statistics and are estimates; Log is exact, but counts the whole server.
type Gap struct {
	Seconds float64          `json:"seconds"`
	Rows    int64            `json:"rows"`
	Tables  map[string]int64 `json:"tables,omitempty"` // the ten with the most rows
	Log     int64            `json:"log"`              // bytes written to the server's log
	Archive string           `json:"archive"`          // whether the log is archived, in words
}

// A RestorePoint is a named place in the server's log, to which a point-in-time recovery can go.
type RestorePoint struct {
	Name     string `json:"name"`
	LSN      string `json:"lsn"`
	Timeline int64  `json:"timeline"`
	System   string `json:"system"`
	Why      string `json:"why,omitempty"` // why there is none
}

// Facts is what a server says of itself.
type Facts struct {
	Server   string    `json:"server"` // version, like "15.18"
	Major    int       `json:"major"`
	Dumper   string    `json:"dumper"` // version of pg_dump
	System   string    `json:"system"` // system identifier
	Timeline int64     `json:"timeline"`
	Database string    `json:"database"`
	Role     string    `json:"role"`
	Size     int64     `json:"size"` // bytes
	Standby  bool      `json:"standby"`
	Ledger   string    `json:"ledger"` // the ledger id that the fencing row knows, "" when there is none
	Fence    int64     `json:"fence"`
	Problems []string  `json:"problems,omitempty"` // sentences that refuse a plan
	Notes    []string  `json:"notes,omitempty"`    // sentences worth knowing (archive_mode off, old transactions)
	Now      time.Time `json:"now"`
}

// A Dump describes what was dumped.
type Dump struct {
	Server     string            `json:"server"`
	Dumper     string            `json:"dumper"`
	System     string            `json:"system"`
	Timeline   int64             `json:"timeline"`
	Database   string            `json:"database"`
	LSN        string            `json:"lsn"`
	At         time.Time         `json:"at"`     // of the snapshot, the server's clock
	Tables     map[string]int64  `json:"tables"` // "schema.table" (quoted where needed) to rows in the snapshot
	Extensions map[string]string `json:"extensions"`

	Format       string `json:"format"`        // custom or directory
	Compression  string `json:"compression"`   // of the archive itself, like "gzip 1"
	DatabaseSize int64  `json:"database_size"` // bytes on the server's disk
	// objects in the snapshot by kind ("indexes", "large objects"); nil is not compared
	Contents map[string]int64 `json:"contents"`
	Locale   Locale           `json:"locale"`
	// rows written to a table since its statistics began, as of the snapshot
	Activity map[string]int64 `json:"activity,omitempty"`
}

// A Locale is what a database was created with and can never change: a copy made with another one sorts and compares
// differently.
type Locale struct {
	Encoding string `json:"encoding"`
	Collate  string `json:"collate"`
	Type     string `json:"ctype"`
	Provider string `json:"provider"` // c (libc), i (icu), b (builtin)
	Name     string `json:"locale,omitempty"`
	Rules    string `json:"rules,omitempty"`
}

// The sentinels of a rehearsal; test with errors.Is. After each of them the database itself is as it was, and no
// scratch copy is left that the next Sweep would not find.
var (
	// ErrOutside: the script, or what the database has installed, could reach beyond a scratch copy.
	ErrOutside = errors.New("it could reach beyond the scratch copy")
	// ErrNoSpace: there is too little space for a scratch copy, or what there is cannot be seen.
	ErrNoSpace = errors.New("there is too little space for a scratch copy")
	// ErrNoScratch: there is no server on which a scratch copy could be made.
	ErrNoScratch = errors.New("there is no server for a scratch copy")
)

// A Rehearsal says what is to be tried on a scratch copy. Owner names app and environment: scratch copies of the same
// owner that somebody left are dropped first. Archive opens the backup; it is read once, to its end. From is the first
// unit of the script that is not in place. OldOnNew is run on the copy after the script, NewOnOld on a copy of the copy
// without it; both may be nil, and their errors are results, not failures.
type Rehearsal struct {
	Owner      string
	Run        string
	Number     int64
	SchemaOnly bool
	Dump       Dump
	Archive    func(context.Context) (io.ReadCloser, error)
	From       int
	OldOnNew   func(ctx context.Context, url string) error
	NewOnOld   func(ctx context.Context, url string) error
	Say        func(text string)
}

// Rehearsed is what a rehearsal found, beside the trace of the script. Times are milliseconds. Tables and Rows are
// those that were counted in the copy and equal the dump's; zero when only the schema was restored.
type Rehearsed struct {
	Where    string     `json:"where"`  // like "a server of version 15.18 on this machine"
	Server   string     `json:"server"` // version of the server that it ran on
	Restored int64      `json:"restored_ms"`
	Counted  bool       `json:"counted"`
	Tables   int        `json:"tables"`
	Rows     int64      `json:"rows"`
	Units    []UnitTook `json:"units"`
	OldOnNew *Tried     `json:"old_on_new,omitempty"`
	NewOnOld *Tried     `json:"new_on_old,omitempty"`
	Notes    []string   `json:"notes,omitempty"` // what this rehearsal could not show
}

// UnitTook is how long a unit of the script took on the copy, its commit included.
type UnitTook struct {
	Unit         int   `json:"unit"`
	Milliseconds int64 `json:"ms"`
}

// Tried is how a check on the copy ended; Fails is "" when it passed.
type Tried struct {
	Fails string `json:"fails,omitempty"`
}
