package assemble

import (
	"context"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/migrator"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
)

// A Standing is what the markers say of one migration.
type Standing struct {
	SHA256 string         `json:"sha256"`
	Units  []UnitStanding `json:"units"`
	State  apply.State    `json:"state"`         // applied, partial, not-applied, or unknown: begun, and nobody knows how it ended
	Why    string         `json:"why,omitempty"` // of unknown

	Left string            `json:"left,omitempty"` // the run that applied it to a database that is no longer this one
	Tool *migrator.Reading `json:"tool,omitempty"` // what the tool that made the file has written down
}

// Elsewhere tells that the tool itself has applied what fairlead has no marker of.
func (s Standing) Elsewhere() bool {
	return s.State == apply.NotApplied && len(s.Units) > 0 && s.Tool != nil && s.Tool.State == migrator.Applied
}

// A UnitStanding is what the markers say of one unit.
type UnitStanding struct {
	Unit  int       `json:"unit"` // counted from 1
	Kind  string    `json:"kind"` // together or alone
	State string    `json:"state"`
	Run   string    `json:"run,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

// Run is the run that applied the last unit, and when.
func (s Standing) Run() (string, time.Time) {
	for i := len(s.Units) - 1; i >= 0; i-- {
		if s.Units[i].State == string(apply.Applied) {
			return s.Units[i].Run, s.Units[i].At
		}
	}
	return "", time.Time{}
}

// Standing reads what the markers say of a migration. It changes nothing; what a crash left open is decided by resume, not here.
func (p *Project) Standing(ctx context.Context, m Migration) (Standing, error) {
	if p.database == nil {
		return Standing{}, p.migratable(Migration{NoBackup: "-"})
	}
	script, err := p.script(m)
	if err != nil {
		return Standing{}, err
	}
	if m.Command.Commanded() { // one unit, that nobody can look into
		script = sqltext.Script{SHA256: m.Command.SHA256, Units: []sqltext.Unit{{Kind: "command"}}}
	}
	markers, left, err := p.markers(ctx, script.SHA256)
	if err != nil {
		return Standing{}, unasked(err)
	}
	s := standing(script, markers)
	if left != "" && s.State == apply.NotApplied {
		s.State, s.Left = apply.Unknown, left
		s.Why = "run " + left + " applied it to another database of this name; this one came from a restore or a failover since"
	}
	if m.Command.Commanded() {
		if s.State == apply.Unknown {
			s.Why = "the command was started and its end was not marked"
		}
		return s, nil
	}
	if read := p.toolReader(m.File, m.SQL); read != nil {
		r, err := read(ctx)
		if err != nil {
			return s, unasked(err)
		}
		s.Tool = &r
	}
	return s, nil
}

func standing(script sqltext.Script, markers []apply.Marker) Standing {
	s := Standing{SHA256: script.SHA256, Units: []UnitStanding{}, State: apply.NotApplied}
	applied := 0
	for _, u := range script.Units {
		one := UnitStanding{Unit: u.Index + 1, Kind: string(u.Kind), State: string(apply.NotApplied)}
		for _, m := range markers {
			if m.Unit != u.Index || one.State == string(apply.Applied) {
				continue
			}
			one.State, one.Run, one.At = "begun", m.Run, m.At.UTC()
			if m.Done {
				one.State = string(apply.Applied)
			}
		}
		switch one.State {
		case "begun":
			s.State, s.Why = apply.Unknown, "a statement outside a transaction was begun and its end was not marked"
		case string(apply.Applied):
			applied++
		}
		s.Units = append(s.Units, one)
	}
	switch {
	case s.State == apply.Unknown:
	case applied == len(script.Units):
		s.State = apply.Applied
	case applied > 0:
		s.State = apply.Partial
	}
	return s
}

// A Past is one migration that was ever applied, or begun, here.
type Past struct {
	Migration string      `json:"migration"` // sha256
	Again     bool        `json:"again,omitempty"`
	File      string      `json:"file,omitempty"` // as the ledger knows it; "" when no run of this ledger names it
	Run       string      `json:"run"`
	Units     int         `json:"units"`           // applied
	Of        int         `json:"of,omitempty"`    // units of the migration, where the ledger knows
	Begun     int         `json:"begun,omitempty"` // begun outside a transaction, without a mark of the end
	State     apply.State `json:"state"`
	At        time.Time   `json:"at"` // of the newest marker
}

// Pasts lists what the markers hold, the newest first, with what the ledger knows of it. That the ledger cannot be read is no error: the
// database says what is applied.
func (p *Project) Pasts(ctx context.Context) ([]Past, error) {
	if p.database == nil {
		return nil, p.migratable(Migration{NoBackup: "-"})
	}
	all, err := p.database.AllMarkers(ctx, p.Config.App, p.Config.Environment)
	if err != nil {
		return nil, unasked(err)
	}
	pasts := fold(all)
	known := map[string]engine.Opening{}
	for i := range pasts {
		p.recognise(ctx, &pasts[i], known)
		pasts[i].conclude()
	}
	return pasts, nil
}

// fold makes one line of the markers of a migration. They come the newest first.
func fold(all []apply.Marked) []Past {
	var pasts []Past
	at := map[string]int{}
	done := map[string]map[int]bool{}
	for _, m := range all {
		i, ok := at[m.Migration]
		if !ok {
			i = len(pasts)
			at[m.Migration], done[m.Migration] = i, map[int]bool{}
			sha := m.Migration[:min(64, len(m.Migration))]
			pasts = append(pasts, Past{Migration: sha, Again: len(m.Migration) > 64, Run: m.Run, At: m.At})
		}
		if m.Done {
			done[m.Migration][m.Unit] = true
		}
	}
	for key, i := range at {
		pasts[i].Units = len(done[key])
	}
	for _, m := range all {
		if !m.Done && !done[m.Migration][m.Unit] {
			pasts[at[m.Migration]].Begun++
		}
	}
	return pasts
}

// recognise looks up in the ledger what a run knew of its migration.
func (p *Project) recognise(ctx context.Context, past *Past, known map[string]engine.Opening) {
	o, ok := known[past.Run]
	if !ok {
		var err error
		if o, err = p.Opening(ctx, engine.RunID(past.Run)); err != nil {
			o = engine.Opening{}
		}
		known[past.Run] = o
	}
	if o.Terms.Migration == nil || o.Terms.Migration.SHA256 != past.Migration {
		return
	}
	past.File = o.Terms.Migration.File
	if o.Terms.Migration.Commanded() {
		past.File, past.Of = o.Terms.Migration.Line(), 1
		return
	}
	var script sqltext.Script
	if err := p.blob(ctx, o, blobUnits, &script); err == nil {
		past.Of = len(script.Units)
	}
}

func (past *Past) conclude() {
	switch {
	case past.Begun > 0:
		past.State = apply.Unknown
	case past.Of > past.Units:
		past.State = apply.Partial
	default:
		past.State = apply.Applied
	}
}

// unasked is a database that did not say what it knows.
func unasked(err error) error {
	if _, ok := fault.Find(err); ok {
		return err
	}
	return &fault.Fault{Code: "markers-unread", What: "the markers of the database cannot be read", Err: err, Outcome: fault.Refused,
		Means: "nothing was changed by this command; what is applied is as it was",
		Do:    []fault.Command{{Line: `psql "$PROD_DB_URL" -c 'select 1'`, Why: "with the URL of database.url: what PostgreSQL's own client says"}}}
}

// shaOf is the SHA-256 of a file's exact bytes, in hex.
func shaOf(sql []byte) string { return release.SumDigest(sql).Hex() }
