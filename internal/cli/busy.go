package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// signOfLife is how young the last record of a run must be for its holder to count as alive.
const signOfLife = time.Minute

// free gives the fault Busy when a run is open.
func (a *app) free(ctx context.Context, p Project) error {
	head, err := p.Ledger().Head(ctx)
	if err != nil {
		return err
	}
	if head.Open() == "" {
		return nil
	}
	s, err := engine.Summarize(head.Last)
	if err != nil {
		return err
	}
	return &engine.Busy{Run: s, Last: head.Last[len(head.Last)-1].At}
}

// busy is the fault of an open run: who, where, since when, and what to type.
func (a *app) busy(b *engine.Busy) *fault.Fault {
	now := a.Now()
	state := "silent"
	if now.Sub(b.Last) < signOfLife {
		state = "alive"
	}
	at := ""
	if b.Run.Step != "" {
		at = fmt.Sprintf(", at step %s", b.Run.Step)
	}
	f := &fault.Fault{Code: "run-open", Outcome: fault.Busy,
		What: fmt.Sprintf("run %s (%s %s) is open: held by %s since %s%s; last sign of life %s ago (%s)", b.Run.Run, b.Run.Action, b.Run.Tag,
			b.Run.Holder, clock(b.Run.Opened), at, ago(now, b.Last), state),
		Means: "production is that run's to change; this command changed nothing",
		Do: []fault.Command{
			{Line: "fairlead status", Why: "what runs now, and how far the run is"},
			{Line: "fairlead resume", Why: "goes on with it, when its holder is gone"},
			{Line: "fairlead rollback", Why: "closes it and brings the old images back"},
			{Line: "fairlead abandon --reason '…'", Why: "closes it as it is"},
		}}
	if b.Run.Action == engine.Migrate { // there are no images to bring back
		f.Do = slices.Delete(f.Do, 2, 3)
	}
	return f
}

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// ago writes how long something is past, in the two largest units.
func ago(now, then time.Time) string {
	d := max(now.Sub(then), 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return d.String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}
