// Package backup is the contract of a place where backups are kept. Implementations stand in the folders below and pass
// backuptest.Exercise. Start with Store.
package backup

import (
	"context"
	"errors"
	"io"
	"time"
)

// The sentinels of a store; test with errors.Is.
var (
	// ErrExists: there is an object of that name; it is never overwritten.
	ErrExists = errors.New("a backup of that name exists")
	// ErrMissing: there is no object of that name.
	ErrMissing = errors.New("there is no such backup")
	// ErrEphemeral: the store's place does not outlive this machine (a CI runner's disk).
	ErrEphemeral = errors.New("the backup directory is on a machine that does not last")
)

// A Store keeps objects by name (letters, digits, dots and dashes).
//
// Put hands out a writer for a partial object that nobody can see under its name until Commit, which makes it durable and visible
// at once, never over an existing one. Open reads a visible object. List gives the visible objects, newest first. Ready tells, as far as
// can be told without changing anything, why Put would be refused.
type Store interface {
	Put(ctx context.Context, name string) (Partial, error)
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	List(ctx context.Context) ([]Object, error)
	Ready(ctx context.Context) error
	Place() string // readable, without secrets
}

// A Partial is an object being written. Hash and size are taken from the bytes as they pass. Abort removes it and is harmless after
// Commit.
type Partial interface {
	io.Writer
	Reread(ctx context.Context) (io.ReadCloser, error) // what is stored so far, read back from the store
	Commit(ctx context.Context) error
	Abort() error
}

// An Object is a visible backup.
type Object struct {
	Name string    `json:"name"`
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

// A Manifest stands beside a backup and exists only after the verdict.
type Manifest struct {
	Schema     string            `json:"schema"` // fairlead.backup/1
	Name       string            `json:"name"`
	Run        string            `json:"run"`
	SHA256     string            `json:"sha256"`
	Size       int64             `json:"size"`
	Level      string            `json:"level"` // L1, L2
	Database   string            `json:"database"`
	System     string            `json:"system"`
	Timeline   int64             `json:"timeline"`
	Server     string            `json:"server"`
	Dumper     string            `json:"dumper"`
	LSN        string            `json:"lsn"`
	Snapshot   time.Time         `json:"snapshot"`
	Tables     map[string]int64  `json:"tables"`
	Extensions map[string]string `json:"extensions,omitempty"`
}
