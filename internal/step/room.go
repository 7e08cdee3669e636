package step

import (
	"context"
	"fmt"

	"fairlead/internal/backup"
	"fairlead/internal/fault"
)

// freeTeller is a store that knows how many bytes are free where it keeps things.
type freeTeller interface {
	Free() (int64, error)
}

// firstShare is what part of a database's size its first dump takes at least: indexes are not in it, and rows are
// compressed.
const firstShare = 10

// Room tells what the next backup is expected to take, by the last one of the same database, and what is free at the
// store. Where there is none yet, a tenth of the database's size is expected. Free is negative where the store cannot
// tell.
func (s Backup) Room(ctx context.Context, o BackupRequest) (need, free int64) {
	r, ok := s.Store.(freeTeller)
	if !ok {
		return 0, -1
	}
	free, err := r.Free()
	if err != nil {
		return 0, -1
	}
	if need = s.estimate(ctx, o); need == 0 {
		need = o.DatabaseSize / firstShare
	}
	return need, free
}

// storeFull is the problem of a store on which the backup would not fit.
func storeFull(place string, need, free int64) []fault.Problem {
	if free < 0 || need <= free {
		return nil
	}
	return []fault.Problem{{Code: "backup-not-ready",
		What: fmt.Sprintf("the backup is expected to take %.0f MB, and %.0f MB are free at %s", float64(need)/1e6,
			float64(free)/1e6, place),
		Do: []fault.Command{{Line: "fairlead backup prune", Why: "removes what is older than backup.keep says"}}}}
}

// A Workspace is where the directory of a dump stands for a while: while it is written, and again while it is verified.
// Look gives its place and the bytes that are free there. Shared says that the store keeps its objects on the same
// disk.
type Workspace struct {
	Look   func() (place string, free int64, err error)
	Shared bool
}

// Fits gives backup.ErrFull when the next dump is not expected to fit. It is expected to be as large as the last one of
// the same database, in proportion, and twice that on the disk of the store. Where there is none yet, as much is asked
// for as the database has: nobody knows how well it compresses.
func (s Backup) Fits(ctx context.Context, o BackupRequest) error {
	if s.Workspace == nil {
		return nil
	}
	place, free, err := s.Workspace.Look()
	if err != nil {
		return fmt.Errorf("look how much is free for the dump's directory at %s: %w", place, err)
	}
	need, twice := s.estimate(ctx, o), ""
	switch {
	case need == 0:
		need = o.DatabaseSize
	case s.Workspace.Shared:
		need, twice = 2*need, ", what is stored on the same disk included"
	}
	if free < need {
		return fmt.Errorf("%w: the directory of the dump is expected to take %.0f MB%s, and %.0f MB are free at %s",
			backup.ErrFull, float64(need)/1e6, twice, float64(free)/1e6, place)
	}
	return nil
}

// workspaceFull is the problem of a workspace into which the dump would not fit.
func workspaceFull(err error) []fault.Problem {
	if err == nil {
		return nil
	}
	return []fault.Problem{{Code: "backup-not-ready", What: err.Error(),
		Do: []fault.Command{{Line: "df -h",
			Why: "and backup.scratch names another folder for it; format: custom needs none"}}}}
}
