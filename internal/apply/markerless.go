package apply

import (
	"fmt"

	"fairlead/internal/sqltext"
)

// verdictOfFates tells what is in place where the server keeps no markers: a unit is, when a transaction was committed
// that was told to commit it. A transaction that the server no longer knows although COMMIT was sent, or that was
// committed without having been told to, is a question for a person.
func verdictOfFates(j Job, all outcomes) Verdict {
	v := Verdict{State: NotApplied, Markerless: true}
	for v.Next < len(j.Units) {
		by, why := committer(j, all, v.Next)
		if why != "" {
			return Verdict{State: Unknown, Next: v.Next, Markerless: true, Why: why}
		}
		if by == "" {
			break
		}
		if by == j.Ticket.Run {
			v.Here++
		}
		v.By = by
		v.Next++
	}
	for unit := v.Next + 1; unit < len(j.Units); unit++ {
		if all.of(unit) == Committed {
			return Verdict{State: Unknown, Next: v.Next, Markerless: true,
				Why: fmt.Sprintf("unit %d was not committed but a later one was", v.Next+1)}
		}
	}
	switch {
	case v.Next == len(j.Units):
		v.State, v.Why = Applied, "the transaction of every unit was committed"
	case v.Next > 0:
		v.State, v.Why = Partial, fmt.Sprintf("the transactions of %d of %d units were committed", v.Next, len(j.Units))
	default:
		v.Why = "no transaction of it was committed"
	}
	return v
}

// committer gives the run whose transaction committed a unit, "" when none did, or why that cannot be told.
func committer(j Job, all outcomes, unit int) (by, why string) {
	sent := map[string]bool{} // by transaction id: COMMIT was sent
	for _, f := range j.Facts {
		sent[f.Attempt.XID] = sent[f.Attempt.XID] || f.What == CommitSent || f.What == Settled
	}
	for _, f := range all {
		a := f.Attempt
		switch {
		case a.Unit != unit || a.XID == "":
		case f.fate == Committed && a.SHA256 != j.Units[unit].SHA256:
			return "", fmt.Sprintf("transaction %s committed other SQL as unit %d", a.XID, unit+1)
		case f.fate == Committed && !sent[a.XID]:
			return "", fmt.Sprintf("transaction %s of unit %d was committed before it was told to", a.XID, unit+1)
		case f.fate == Committed:
			by = f.Run
			if by == "" {
				by = j.Ticket.Run
			}
		case f.fate == Forgotten && sent[a.XID]:
			return "", fmt.Sprintf("the server no longer knows transaction %s of unit %d, whose COMMIT was sent", a.XID,
				unit+1)
		}
	}
	return by, ""
}

// refuseNonTransactional refuses what cannot be applied exactly once without markers.
func refuseNonTransactional(v Verdict, j Job) error {
	if !v.Markerless {
		return nil
	}
	for _, u := range j.Units {
		if st := u.Statements; u.Kind == sqltext.Alone {
			return &Failure{Unit: u.Index, Statement: &st[0],
				Err: fmt.Errorf("%w: %s can be in no transaction; without markers nothing could tell after a crash "+
					"whether it was applied", ErrStatement, st[0].Kind)}
		}
	}
	return nil
}
