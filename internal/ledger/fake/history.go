package fake

import (
	"context"
	"encoding/json"
	"slices"

	"fairlead/internal/engine"
)

// Runs gives the newest runs first, at most limit (0 means all).
func (l *Ledger) Runs(ctx context.Context, limit int) ([]engine.Summary, error) {
	var all []engine.Summary
	err := l.w.Do(ctx, l.place, "ledger runs", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		all = summaries(l.records)
		return nil
	})
	slices.Reverse(all)
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, err
}

func summaries(records []engine.Record) []engine.Summary {
	var all []engine.Summary
	for _, r := range records {
		switch r.Verdict {
		case engine.Opened, engine.Manual:
			all = open(all, r)
		case engine.Closed:
			var c engine.Closing
			if json.Unmarshal(r.Evidence, &c) == nil {
				shut(all, c, r)
			}
		case engine.Taken:
			var t engine.Takeover
			if json.Unmarshal(r.Evidence, &t) == nil && len(all) > 0 {
				all[len(all)-1].Holder = t.Holder.Name
			}
		case engine.Began:
			if len(all) > 0 {
				all[len(all)-1].Step = r.Step
			}
		}
	}
	return all
}

func open(all []engine.Summary, r engine.Record) []engine.Summary {
	s := engine.Summary{Run: r.Run, Opened: r.At}
	if r.Verdict == engine.Manual {
		var c engine.Closing
		if json.Unmarshal(r.Evidence, &c) == nil {
			s.Closed, s.Outcome, s.Means, s.Holder = r.At, c.Outcome, c.Means, c.By.Name
		}
		return append(all, s)
	}
	var o engine.Opening
	if json.Unmarshal(r.Evidence, &o) == nil {
		if o.Closes != nil {
			shut(all, *o.Closes, r)
		}
		s.Action, s.Tag, s.Holder, s.Approved = o.Terms.Action, o.Terms.Tag, o.Holder.Name, o.Approvals.By()
	}
	return append(all, s)
}

func shut(all []engine.Summary, c engine.Closing, r engine.Record) {
	for i := range all {
		if all[i].Run == c.Run && all[i].Closed.IsZero() {
			all[i].Closed, all[i].Outcome, all[i].Migrated, all[i].Means = r.At, c.Outcome, c.Migrated, c.Means
		}
	}
}
