package assemble

import (
	"context"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/notify"
	"fairlead/internal/step"
)

// announceLimit bounds how long telling people may take after a run has ended.
const announceLimit = 30 * time.Second

// Announce tells people how a run ended: the channels of record, and those of escalation when a person must decide. Every note is kept
// in the outbox first. Its error is for a line on the screen; it never changes an outcome.
func (p *Project) Announce(ctx context.Context, e engine.Ending) error {
	to := p.notifiers
	if e.Outcome == fault.Asking || e.Outcome == fault.Unknown {
		to = append(to[:len(to):len(to)], p.escalation...)
	}
	if e.Outcome == fault.Busy || len(to) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceLimit)
	defer cancel()
	return troubles(p.outbox().Send(ctx, p.note(e), to))
}

// Resend sends what waits in the outbox.
func (p *Project) Resend(ctx context.Context) error {
	all, err := p.outbox().Resend(ctx, append(p.notifiers[:len(p.notifiers):len(p.notifiers)], p.escalation...))
	if err != nil {
		return err
	}
	return troubles(all)
}

// note is what was proved, with the outcome.
func (p *Project) note(e engine.Ending) notify.Message {
	t := fence.Ticket{App: p.Config.App, Environment: p.Config.Environment, Run: string(e.Run), Holder: p.options.Holder.Name}
	m := step.Note(t, e.Opening.Terms, e.Proofs, p.options.Now())
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
