package assemble

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/notify"
	"fairlead/internal/notify/outbox"
	"fairlead/internal/notify/post"
	"fairlead/internal/step"
)

// announceLimit bounds how long telling people may take after a run has ended.
const announceLimit = 30 * time.Second

// notes tells people how runs ended.
type notes struct {
	app, environment   string
	record, escalation []notify.Notifier
	outbox             *outbox.Outbox
	now                func() time.Time
	deployer           string
}

func openNotes(b blocks, o Options) (*notes, error) {
	n := &notes{app: b.App, environment: b.Environment, now: o.Now, deployer: o.Holder.Name,
		outbox: outbox.New(o.State+"/outbox", o.Now, Pause)}
	sender := post.New(nil, o.Now)
	var err error
	if n.record, err = openChannels(b.record, sender, o.Now); err != nil {
		return nil, err
	}
	n.escalation, err = openChannels(b.escalate, sender, o.Now)
	return n, err
}

// Announce tells people how a run ended: the channels of record, and those of escalation when a person must decide.
// Every note is kept in the outbox first. Its error is for a line on the screen; it never changes an outcome.
func (n *notes) Announce(ctx context.Context, e engine.Ending) error {
	to := n.record
	if e.Outcome == fault.Asking || e.Outcome == fault.Unknown {
		to = slices.Concat(to, n.escalation)
	}
	if e.Outcome == fault.Busy || len(to) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceLimit)
	defer cancel()
	return undelivered(n.outbox.Send(ctx, n.note(e), to))
}

// Resend sends what waits in the outbox.
func (n *notes) Resend(ctx context.Context) error {
	all, err := n.outbox.Resend(ctx, slices.Concat(n.record, n.escalation))
	if err != nil {
		return err
	}
	return undelivered(all)
}

// undelivered is the first note that could not be delivered, for one line on the screen.
func undelivered(all []outbox.Delivery) error {
	for _, d := range all {
		if !d.Sent {
			return &fault.Fault{Code: "note-waiting", What: fmt.Sprintf("a note was not delivered: %s", d),
				Means: "the outcome is not changed by this",
				Do:    []fault.Command{{Line: "fairlead notes resend", Why: "sends what waits in the outbox"}}}
		}
	}
	return nil
}

// note is what was proved, with the outcome.
func (n *notes) note(e engine.Ending) notify.Message {
	t := fence.Ticket{App: n.app, Environment: n.environment, Run: string(e.Run), Holder: n.deployer}
	m := step.Note(t, e.Opening.Terms, e.Proofs, n.now())
	m.Outcome, m.Production = e.Outcome.String(), e.Means
	if e.Before != nil {
		m.Run = string(e.Before.Run)
	}
	if f, ok := fault.Find(e.Err); ok && e.Open {
		for _, c := range f.Do {
			m.Do = append(m.Do, c.Line)
		}
	}
	return m
}
