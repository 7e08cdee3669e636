package applied

import (
	"context"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// An Entry is one migration that was ever applied, or begun, here.
type Entry struct {
	Migration string `json:"migration"` // sha256
	Again     bool   `json:"again,omitempty"`
	File      string `json:"file,omitempty"` // as the ledger knows it; "" when no run of this ledger names it
	Run       string `json:"run"`
	Units     int    `json:"units"`           // applied
	Of        int    `json:"of,omitempty"`    // units of the migration, where the ledger knows
	Begun     int    `json:"begun,omitempty"` // begun outside a transaction, without a mark of the end

	State apply.State `json:"state"`
	At    time.Time   `json:"at"` // of the newest marker
}

// MigrationHistory lists what the markers hold, the newest first, with what the ledger knows of it. That the ledger
// cannot be read is no error: the database says what is applied.
func (a *Migrations) MigrationHistory(ctx context.Context) ([]Entry, error) {
	if a.with.Database == nil {
		return nil, step.NotConfigured("the configuration has no database")
	}
	all, err := a.with.Database.AllMarkers(ctx, a.with.App, a.with.Environment)
	if err != nil {
		return nil, unread(err)
	}
	entries := fold(all)
	known := map[string]engine.Opening{}
	for i := range entries {
		e := &entries[i]
		o, ok := known[e.Run]
		if !ok {
			o, _ = step.OpeningOf(ctx, a.with.Ledger, engine.RunID(e.Run))
			known[e.Run] = o
		}
		a.recognise(ctx, e, o)
		e.conclude()
	}
	return entries, nil
}

// fold makes one line of the markers of a migration. They come the newest first.
func fold(all []apply.Marked) []Entry {
	var entries []Entry
	at := map[string]int{}
	done := map[string]map[int]bool{}
	for _, m := range all {
		if done[m.Migration] == nil {
			at[m.Migration], done[m.Migration] = len(entries), map[int]bool{}
			sha := m.Migration[:min(64, len(m.Migration))]
			entries = append(entries, Entry{Migration: sha, Again: len(m.Migration) > 64, Run: m.Run, At: m.At})
		}
		if m.Done {
			done[m.Migration][m.Unit] = true
		}
	}
	for key, i := range at {
		entries[i].Units = len(done[key])
	}
	for _, m := range all {
		if !m.Done && !done[m.Migration][m.Unit] {
			entries[at[m.Migration]].Begun++
		}
	}
	return entries
}

// recognise adds what the ledger knows, if the run of the opening was of this migration.
func (a *Migrations) recognise(ctx context.Context, e *Entry, o engine.Opening) {
	m := o.Terms.Migration
	if m == nil || m.SHA256 != e.Migration {
		return
	}
	if e.File = m.File; m.Commanded() {
		e.File, e.Of = m.Line(), 1
		return
	}
	var script sqltext.Script
	if err := step.Stored(ctx, a.with.Ledger, o, step.StoredScript, &script); err == nil {
		e.Of = len(script.Units)
	}
}

func (e *Entry) conclude() {
	switch {
	case e.Begun > 0:
		e.State = apply.Unknown
	case e.Of > e.Units:
		e.State = apply.Partial
	default:
		e.State = apply.Applied
	}
}
