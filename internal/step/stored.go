package step

import (
	"context"
	"encoding/json"
	"fmt"

	"fairlead/internal/engine"
)

// The names of what is stored beside the ledger for a plan, so that another machine can go on.
const (
	StoredTerms   = "terms"
	StoredRelease = "release"
	StoredOrigin  = "from" // why the release is believed
	StoredSQL     = "sql"
	StoredScript  = "units"
	StoredRequest = "request" // of a migration alone
)

// Stored reads into a value what a run has stored under a name.
func Stored(ctx context.Context, l engine.Ledger, o engine.Opening, name string, into any) error {
	b, err := l.Blob(ctx, o.Blobs[name])
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("read the stored %s: %w", name, err)
	}
	return nil
}

// OpeningOf reads how a run was opened.
func OpeningOf(ctx context.Context, l engine.Ledger, run engine.RunID) (engine.Opening, error) {
	records, err := l.Records(ctx, run)
	if err != nil {
		return engine.Opening{}, err
	}
	return engine.OpeningOf(records)
}
