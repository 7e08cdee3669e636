package step

import (
	"context"
	"fmt"

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
