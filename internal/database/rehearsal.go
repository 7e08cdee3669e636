package database

import (
	"context"
	"errors"
	"io"
)

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
