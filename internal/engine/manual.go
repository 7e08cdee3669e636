package engine

import (
	"context"
	"fmt"

	"fairlead/internal/fault"
)

// RecordManual writes down that a release was made by hand, in one record that is a run of its own. means says what
// production runs now, as observed; it is not checked here. It gives *Busy when a run is open, and writes nothing then.
func (e *Engine) RecordManual(ctx context.Context, run RunID, means, reason string) (Closing, error) {
	head, err := e.Ledger.Head(ctx)
	if err != nil {
		return Closing{}, fmt.Errorf("read the ledger: %w", err)
	}
	if head.Open() != "" {
		return Closing{}, busy(head)
	}
	c := Closing{Run: run, Outcome: fault.Deployed, Means: means, Reason: reason, By: e.Holder}
	w := e.writer(head, run)
	if _, err := w.append(ctx,
		Record{Verdict: Manual, Kind: ClosingKind, Evidence: encode(c), Why: means + "; " + reason}); err != nil {
		return Closing{}, e.orBusy(ctx, run, err)
	}
	return c, nil
}
