package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/sqltext"
)

// Decide finds out how much of a migration is in place, from markers, from the fate of the attempts that were noted,
// and from the catalog. It changes nothing in the data; a backend of an earlier attempt that still works on a
// transaction is ended first, since nobody waits for its answer. An error means that the question could not be asked; a
// Verdict with State Unknown means that the answers disagree.
func Decide(ctx context.Context, s Server, c Recovery, j Job) (Verdict, error) {
	id, err := s.Identity(ctx)
	if err != nil {
		return Verdict{}, fmt.Errorf("identify the server: %w", err)
	}
	if why := inconclusive(id, j); why != "" {
		return Verdict{State: Unknown, Why: why}, nil
	}
	fates, err := settle(ctx, c, j.ofServer(id))
	if err != nil {
		return Verdict{}, err
	}
	markers, err := s.Markers(ctx, j.Key)
	if errors.Is(err, ErrNoMarkers) {
		return verdictOfFates(j.ofServer(id), fates), nil
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("read markers: %w", err)
	}
	v := verdictOfMarkers(j, markers)
	if v.State == Unknown {
		return v, nil
	}
	if v.Next < len(j.Units) && fates.of(v.Next) == Committed {
		return Verdict{State: Unknown, Next: v.Next, Why: fmt.Sprintf("unit %d was committed but has no marker",
			v.Next+1)}, nil
	}
	if v.Next < len(j.Units) && j.Units[v.Next].Kind == sqltext.Alone && v.Intended {
		return probeUnit(ctx, c, j, v)
	}
	return v, nil
}

// inconclusive says why nothing can be concluded from what was noted (the server is not the one, a unit left its
// transaction), or "".
func inconclusive(id Identity, j Job) string {
	if j.Expected != nil && !j.Expected.Same(id) {
		return fmt.Sprintf("the server is not the one that was backed up: %v, expected %v", id, *j.Expected)
	}
	for _, f := range j.ofServer(id).Facts {
		if f.What == Escaped {
			return fmt.Sprintf("unit %d ended the transaction that was to hold it; what of it is in place must be "+
				"looked at", f.Attempt.Unit+1)
		}
		if !f.Attempt.Identity.Same(id) {
			return fmt.Sprintf("the server is not the one of the earlier attempt (failover or restore): %v, then %v",
				id, f.Attempt.Identity)
		}
	}
	return ""
}

// ofServer leaves out what earlier runs noted of another database before one of them noted something of this one: it
// was applied here anew, on purpose.
func (j Job) ofServer(id Identity) Job {
	first := slices.IndexFunc(j.Facts, func(f Fact) bool { return f.Attempt.Identity.Same(id) })
	if first < 0 {
		return j
	}
	own := func(f Fact) bool { return f.Run == "" || f.Run == j.Ticket.Run }
	j.Facts = append(slices.DeleteFunc(slices.Clone(j.Facts[:first]), func(f Fact) bool { return !own(f) }),
		j.Facts[first:]...)
	return j
}

// settle finds the fate of every noted attempt, by unit, ending the backends that still hold a transaction or do
// nothing, and waiting for those that build outside one. Committed wins over later attempts of the same unit.
func settle(ctx context.Context, c Recovery, j Job) (outcomes, error) {
	settled := map[string]bool{} // by transaction id: the answer was heard
	for _, f := range j.Facts {
		settled[f.Attempt.XID] = settled[f.Attempt.XID] || f.What == Settled
	}
	all := outcomes{}
	for _, f := range j.Facts {
		a := f.Attempt
		if f.What != Attempted || a.Unit >= len(j.Units) {
			continue
		}
		if a.XID != "" && settled[a.XID] {
			all = append(all, outcome{f, Committed})
			continue
		}
		fate, err := final(ctx, c, j, a)
		if err != nil {
			return nil, err
		}
		all = append(all, outcome{f, fate})
	}
	return all, nil
}

// outcome is an attempt and what became of it.
type outcome struct {
	Fact
	fate Fate
}

type outcomes []outcome

// of gives the fate of a unit; an attempt that was committed outweighs later ones.
func (all outcomes) of(unit int) Fate {
	var last Fate
	for _, f := range all {
		if f.Attempt.Unit == unit && last != Committed {
			last = f.fate
		}
	}
	return last
}

// final gives the fate of an attempt once it is no longer in progress.
func final(ctx context.Context, c Recovery, j Job, a Attempt) (Fate, error) {
	until := j.Clock.Now().Add(SettleLimit)
	for ended := false; ; {
		fate, err := c.Fate(ctx, a)
		if err == nil && fate != InProgress && fate != Idle {
			return fate, nil
		}
		if err == nil && (a.XID != "" || fate == Idle) {
			if err = c.End(ctx, a); err == nil && !ended {
				ended = true
				continue
			}
		}
		if !j.Clock.Now().Before(until) {
			return 0, fmt.Errorf("unit %d of the earlier attempt is still running (pid %d): %w", a.Unit+1, a.PID,
				orUnknown(err))
		}
		if err := j.Clock.Sleep(ctx, settlePause); err != nil {
			return 0, err
		}
	}
}

func orUnknown(err error) error {
	if err == nil {
		return ErrUnknown
	}
	return err
}

// verdictOfMarkers compares units with markers: those in place must be the first ones, each with the hash that is to be
// applied.
func verdictOfMarkers(j Job, markers []Marker) Verdict {
	units := j.Units
	done, intent := map[int]Marker{}, map[int]Marker{}
	for _, m := range markers {
		if m.Unit < 0 || m.Unit >= len(units) || units[m.Unit].SHA256 != m.SHA256 {
			return Verdict{State: Unknown, Why: fmt.Sprintf("the marker of unit %d names other SQL", m.Unit+1)}
		}
		if m.Done {
			done[m.Unit] = m
			continue
		}
		intent[m.Unit] = m
	}
	v := Verdict{State: NotApplied}
	for v.Next < len(units) {
		m, ok := done[v.Next]
		if !ok {
			break
		}
		if m.Run == j.Ticket.Run {
			v.Here++
		}
		v.By = m.Run
		v.Next++
	}
	if len(done) > v.Next {
		return Verdict{State: Unknown, Next: v.Next, Why: fmt.Sprintf("unit %d has no marker but a later one has",
			v.Next+1)}
	}
	if m, ok := intent[v.Next]; ok {
		v.Intended, v.IntendedBy = true, m.Run
	}
	switch {
	case v.Next == len(units):
		v.State, v.Why = Applied, "every unit has its marker"
	case v.Next > 0:
		v.State, v.Why = Partial, fmt.Sprintf("%d of %d units have their marker", v.Next, len(units))
	default:
		v.Why = "no unit has a marker"
	}
	return v
}

// probeUnit asks the catalog about an Alone unit that was begun and has no end.
func probeUnit(ctx context.Context, c Recovery, j Job, v Verdict) (Verdict, error) {
	st := j.Units[v.Next].Statements[0]
	found, why, err := c.Probe(ctx, st)
	if err != nil {
		return Verdict{}, fmt.Errorf("look for the effect of line %d: %w", st.Line, err)
	}
	v.Effect, v.Why = found, why
	switch {
	case found == Other:
		v.State = Unknown
	case found != NotDone && v.State == NotApplied:
		v.State = Partial
	}
	return v, nil
}
