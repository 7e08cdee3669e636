// Package database is the contract of a database under a release: what a plan asks of it before anything happens, the dump, and the
// catalog for the reviewer. Applying is the contract of package apply. Implementations stand in the folders below. Start with Planner.
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

// A Dumper writes a dump. Dump streams a custom-format dump to w and returns only after the dump program has ended well: an error
// means that what w got is worthless. Counts are those of the dump's own snapshot. Verify reads the whole archive, from r, and
// compares its contents with what is listed in d; it gives what differs as an error.
type Dumper interface {
	Dump(ctx context.Context, w io.Writer) (Dump, error)
	Verify(ctx context.Context, r io.Reader, d Dump) error
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
}

// A Locale is what a database was created with and can never change: a copy made with another one sorts and compares differently.
type Locale struct {
	Encoding string `json:"encoding"`
	Collate  string `json:"collate"`
	Type     string `json:"ctype"`
	Provider string `json:"provider"` // c (libc), i (icu), b (builtin)
	Name     string `json:"locale,omitempty"`
	Rules    string `json:"rules,omitempty"`
}
