// Package backup is the contract of a place where backups are kept. Implementations stand in the folders below and pass
// backuptest.Exercise. Start with Store; a Manifest says what a backup is, Inventory reads what is kept, Keep chooses
// what may go.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fairlead/internal/database"
)

// The sentinels of a store; test with errors.Is.
var (
	// ErrExists: there is an object of that name; it is never overwritten.
	ErrExists = errors.New("a backup of that name exists")
	// ErrMissing: there is no object of that name.
	ErrMissing = errors.New("there is no such backup")
	// ErrEphemeral: the store's place does not outlive this machine (a CI runner's disk).
	ErrEphemeral = errors.New("the backup directory is on a machine that does not last")
	// ErrFull: the store has no room.
	ErrFull = errors.New("there is not enough free space for a backup")
	// ErrReread: a partial object was read back, so that nothing can be written to it any more.
	ErrReread = errors.New("the backup was read back already; nothing more can be written to it")
	// ErrReason: an object was to be deleted for no reason.
	ErrReason = errors.New("a backup is deleted for a reason only")
	// ErrChanged: what the store holds is not what was written.
	ErrChanged = errors.New("the stored backup is not what was written")
	// ErrSealed: the object is encrypted, and no key for it is at hand.
	ErrSealed = errors.New("the backup is encrypted and its key is not here")
)

// A Store keeps objects by name (letters, digits, dots and dashes).
//
// Put hands out a writer for a partial object that nobody can see under its name until Commit, which makes it durable
// and visible at once, never over an existing one, whoever else writes meanwhile. A writer that dies leaves nothing
// visible. Open reads a visible object. List gives the visible objects, newest first. Ready tells, as far as can be
// told without changing anything, why Put would be refused.
type Store interface {
	Put(ctx context.Context, name string) (Partial, error)
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	List(ctx context.Context) ([]Object, error)
	Ready(ctx context.Context) error
	// Location: readable, without secrets
	Location() string
}

// A Deleter is a store from which retention may take objects away. Delete removes a visible object for good, and
// nothing else; it gives ErrMissing when there is none and ErrReason when reason is empty.
type Deleter interface {
	Delete(ctx context.Context, name, reason string) error
}

// A Sweeper finds what writers left that died: partial objects that were last written to before a time and that nobody
// holds any more. It removes them; dry only tells them.
type Sweeper interface {
	Sweep(ctx context.Context, before time.Time, dry bool) ([]Object, error)
}

// A PrunableStore is a store in all its roles.
type PrunableStore interface {
	Store
	Deleter
	Sweeper
}

// A Partial is an object being written. Hash and size are taken from the bytes as they pass. Writing ends with the
// first Reread (ErrReread). Commit gives nil only for what is stored whole. Abort removes it and is harmless after
// Commit.
type Partial interface {
	io.Writer
	// Reread: what is stored so far, read back from the store
	Reread(ctx context.Context) (io.ReadCloser, error)
	Commit(ctx context.Context) error
	Abort() error
}

// An Object is a visible backup.
type Object struct {
	Name string    `json:"name"`
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

// A Manifest stands beside a backup and exists only after the verdict. Level is L1 (hash as read back), L2 (contents
// and rows compared) or L3 (restored). Sizes are in bytes: Size of what was written, DatabaseSize on the server's disk.
// Contents are objects by kind, Activity rows written per table since its statistics began.
type Manifest struct {
	// Schema: fairlead.backup/1
	Schema     string            `json:"schema"`
	Name       string            `json:"name"`
	Run        string            `json:"run"`
	App        string            `json:"app,omitempty"`
	Env        string            `json:"environment,omitempty"`
	SHA256     string            `json:"sha256"`
	Size       int64             `json:"size"`
	Level      string            `json:"level"`
	Database   string            `json:"database"`
	System     string            `json:"system"`
	Timeline   int64             `json:"timeline"`
	Server     string            `json:"server"`
	Dumper     string            `json:"dumper"`
	LSN        string            `json:"lsn"`
	Snapshot   time.Time         `json:"snapshot"`
	Tables     map[string]int64  `json:"tables"`
	Extensions map[string]string `json:"extensions,omitempty"`
	// Format: custom, or directory: a tar of one
	Format string `json:"format,omitempty"`
	// Archive: compression inside the archive, like "gzip 1"
	Archive      string           `json:"archive,omitempty"`
	DatabaseSize int64            `json:"database_size,omitempty"`
	Contents     map[string]int64 `json:"contents,omitempty"`
	Locale       *database.Locale `json:"locale,omitempty"`
	Activity     map[string]int64 `json:"activity,omitempty"`
	Globals      *Attached        `json:"globals,omitempty"`
	Took         Took             `json:"took,omitzero"`
	// Stored: what the store holds; nil: what SHA256 and Size are of
	Stored *Stored `json:"stored,omitempty"`
}

// An Attached object stands beside a backup. Missing says in words what it lacks.
type Attached struct {
	Name    string   `json:"name"`
	SHA256  string   `json:"sha256"`
	Size    int64    `json:"size"`
	Missing []string `json:"missing,omitempty"`
}

// Took is how long the parts of a backup took, in seconds; 0 where a part was not done.
type Took struct {
	Dump    float64 `json:"dump"`
	Verify  float64 `json:"verify,omitempty"`
	Restore float64 `json:"restore,omitempty"`
}

// CheckName tells why a word cannot be the name of a backup: it holds other characters than ASCII letters, digits, dots
// and dashes, begins with a dot or a dash, or is longer than 200.
func CheckName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if name == "" || len(name) > 200 || name[0] == '.' || name[0] == '-' || strings.Trim(name, letters+".-") != "" {
		return fmt.Errorf("%.210q is not a name for a backup (letters, digits, dots and dashes)", name)
	}
	return nil
}

// CheckReason gives ErrReason for an empty one.
func CheckReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrReason
	}
	return nil
}

// CheckDelete tells why a backup cannot be deleted: ErrReason for an empty reason, ErrMissing for what cannot be a
// name.
func CheckDelete(name, reason string) error {
	if err := CheckReason(reason); err != nil {
		return err
	}
	if err := CheckName(name); err != nil {
		return As(ErrMissing, err)
	}
	return nil
}

// CheckSpace gives ErrFull when less is free at a location than must be, in bytes.
func CheckSpace(location string, free, least int64) error {
	if free < least {
		return fmt.Errorf("%w: %s has %d MB, at least %d are wanted", ErrFull, location, free>>20, least>>20)
	}
	return nil
}

// As gives err unchanged in its text, matching a sentinel of this package too.
func As(sentinel, err error) error { return as{sentinel, err} }

type as struct{ sentinel, err error }

func (a as) Error() string   { return a.err.Error() }
func (a as) Unwrap() []error { return []error{a.err, a.sentinel} }
