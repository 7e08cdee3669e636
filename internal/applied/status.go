package applied

import (
	"context"
	"slices"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/migrator"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// A Status is what the markers say of one migration. State is applied, partial, not-applied, or unknown: begun, and
// nobody knows how it ended; then Why says so. Left is the run that applied it to a database that is no longer this
// one, Tool what the tool that made the file has written down.
type Status struct {
	SHA256 string            `json:"sha256"`
	Units  []UnitStatus      `json:"units"`
	State  apply.State       `json:"state"`
	Why    string            `json:"why,omitempty"`
	Left   string            `json:"left,omitempty"`
	Tool   *migrator.Reading `json:"tool,omitempty"`
}

// Elsewhere tells that the tool itself has applied what fairlead has no marker of.
func (s Status) Elsewhere() bool {
	return s.State == apply.NotApplied && len(s.Units) > 0 && s.Tool != nil && s.Tool.State == migrator.Applied
}

// A UnitStatus is what the markers say of one unit.
type UnitStatus struct {
	Unit  int       `json:"unit"` // counted from 1
	Kind  string    `json:"kind"` // together or alone
	State string    `json:"state"`
	Run   string    `json:"run,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

// Run is the run that applied the last unit, and when.
func (s Status) Run() (string, time.Time) {
	for _, u := range slices.Backward(s.Units) {
		if u.State == string(apply.Applied) {
			return u.Run, u.At
		}
	}
	return "", time.Time{}
}

// MigrationStatus reads what the markers say of a migration. It changes nothing; what a crash left open is decided by
// resume, not here.
func (a *Migrations) MigrationStatus(ctx context.Context, m step.Migration) (Status, error) {
	if a.with.Database == nil {
		return Status{}, step.NotConfigured("the configuration has no database")
	}
	m, err := a.with.Parser.Parse(m)
	if err != nil {
		return Status{}, err
	}
	// A command is one unit, that nobody can look into.
	units := []sqltext.Unit{{Kind: "command"}}
	if !m.Commanded() {
		units = m.Script.Units
	}
	markers, left, err := a.markers(ctx, m.SHA256())
	if err != nil {
		return Status{}, unread(err)
	}
	s := statusOf(units, markers)
	s.SHA256 = m.SHA256()
	if left != "" && s.State == apply.NotApplied {
		s.State, s.Left = apply.Unknown, left
		s.Why = "run " + left +
			" applied it to another database of this name; this one came from a restore or a failover since"
	}
	if m.Commanded() && s.State == apply.Unknown {
		s.Why = "the command was started and its end was not marked"
	}
	if read := a.ToolHistory(m); read != nil {
		r, err := read(ctx)
		if err != nil {
			return s, unread(err)
		}
		s.Tool = &r
	}
	return s, nil
}

func statusOf(units []sqltext.Unit, markers []apply.Marker) Status {
	s := Status{Units: []UnitStatus{}, State: apply.NotApplied}
	applied := 0
	for _, u := range units {
		one := UnitStatus{Unit: u.Index + 1, Kind: string(u.Kind), State: string(apply.NotApplied)}
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
	case applied == len(units):
		s.State = apply.Applied
	case applied > 0:
		s.State = apply.Partial
	}
	return s
}
