package archive

import (
	"fmt"
	"os"
	"path/filepath"

	"fairlead/internal/database/postgres/tempdir"
)

// workPrefix begins the name of a private folder in which the directory of one dump stands while it is written,
// verified or restored.
const workPrefix = ".fairlead-directory-"

// below is where workspaces are made.
func (a *Archive) below() string {
	if a.server.Session.Scratch != "" {
		return a.server.Session.Scratch
	}
	return os.TempDir()
}

// openWorkspace removes what dead processes left and makes a new one.
func (a *Archive) openWorkspace() (*tempdir.Dir, error) {
	below := a.below()
	if err := os.MkdirAll(below, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for scratch: %w", err)
	}
	tempdir.Sweep(below, workPrefix, nil)
	return tempdir.Make(below, workPrefix)
}

// Workspace gives the folder below which directories of dumps stand for a while, and the bytes that are free there.
// What dead processes left there is removed first.
func (a *Archive) Workspace() (place string, free int64, err error) {
	place = a.below()
	tempdir.Sweep(place, workPrefix, nil)
	at := place
	for {
		free, err = tempdir.Free(at)
		if up := filepath.Dir(at); os.IsNotExist(err) && up != at {
			at = up
			continue
		}
		return place, free, err
	}
}
