package step

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/engine"
)

// Probe tells "ended well", "never started", "ended, and may be run again" and "unknown" apart.
func (s Command) Probe(ctx context.Context, in engine.Input) (engine.Observation, error) {
	intent, done, err := s.markers(ctx, in)
	if err != nil {
		return engine.Observation{}, err
	}
	switch {
	case done != nil:
		e := s.evidence(in, *done, Ran{Line: s.Migration.Line()})
		return engine.Observation{State: engine.Done, Because: e.String(), Evidence: e}, nil
	case intent == nil:
		return engine.Observation{State: engine.NotDone, Because: "the command was never started"}, nil
	case s.Decided.Applied != "":
		return engine.Observation{State: engine.NotDone, Because: s.Decided.words(),
			Changed: s.Decided.Applied == "yes"}, nil
	}
	return s.doubtful(ctx, in, *intent)
}

// markers reads what is committed: the intent and the end.
func (s Command) markers(ctx context.Context, in engine.Input) (intent, done *apply.Marker, err error) {
	all, err := s.Database.Markers(ctx, s.key(in))
	if err != nil {
		return nil, nil, fmt.Errorf("read markers: %w", err)
	}
	for i := range all {
		if all[i].Done {
			done = &all[i]
		} else {
			intent = &all[i]
		}
	}
	return intent, done, nil
}

// doubtful looks at an attempt that has an intent and no end.
func (s Command) doubtful(ctx context.Context, in engine.Input, intent apply.Marker) (engine.Observation, error) {
	unknown := func(why string) (engine.Observation, error) {
		return engine.Observation{State: engine.Unknown,
			Because: fmt.Sprintf("the command was started by run %s at %s, and %s", intent.Run,
				intent.At.UTC().Format("15:04:05 UTC"), why)}, nil
	}
	before, l, status := lastFacts(in.Facts)
	if intent.Run != in.Ticket.Run || l == nil {
		if intent.Run == in.Ticket.Run && len(in.Facts) > 0 {
			return engine.Observation{State: engine.NotDone,
				Because: "its intent is marked, and it was not started after that"}, nil
		}
		return unknown("how it ended is not known")
	}
	if status != nil {
		why := fmt.Sprintf("it ended by itself with exit status %d, and whoever resumes runs it again", *status)
		return engine.Observation{State: engine.NotDone, Changed: true, Because: why}, nil
	}
	machine, running, err := s.Left(in.Ticket.Run, l.At)
	switch {
	case len(running) > 0:
		return unknown(fmt.Sprintf("still runs on this machine (process %s): wait for its end, then resume",
			numbers(running)))
	case machine == "" || machine != l.Machine:
		return unknown("whether it still runs cannot be seen from here: resume on the machine that started it")
	case err != nil:
		return unknown("whether it still runs cannot be seen: " + err.Error())
	}
	if why := s.same(ctx, in, before); why != "" {
		return unknown("how it ended is not known: " + why)
	}
	return engine.Observation{State: engine.NotDone,
		Because: "it is no longer running, and schema, rows and histories are as they were before it was started"}, nil
}

// lastFacts reads what the attempts have noted; the last one counts.
func lastFacts(facts []engine.Fact) (before *database.Imprint, l *launched, status *int) {
	for _, f := range facts {
		var i database.Imprint
		var n launched
		var e endedFact
		switch {
		case f.Kind == beforeKind && json.Unmarshal(f.Body, &i) == nil:
			before = &i
		case f.Kind == launchKind && json.Unmarshal(f.Body, &n) == nil:
			l, status = &n, nil
		case f.Kind == endedKind && json.Unmarshal(f.Body, &e) == nil:
			status = &e.Status
		}
	}
	return before, l, status
}

// same proves that nothing changed since the imprint, or says why that cannot be proved.
func (s Command) same(ctx context.Context, in engine.Input, before *database.Imprint) string {
	if before == nil {
		return "there is no imprint from before it"
	}
	if why := s.othersGone(ctx, in, before.At); why != "" {
		return why
	}
	now, err := s.Database.Imprint(ctx)
	if err != nil {
		return "no second imprint could be taken: " + err.Error()
	}
	return before.Differs(now)
}

// othersGone waits until the sessions that others opened since a moment are gone: only then is what they did written
// down.
func (s Command) othersGone(ctx context.Context, in engine.Input, since time.Time) string {
	until := s.Clock.Now().Add(grace)
	for {
		sessions, err := s.Database.OtherSessions(ctx, since)
		switch {
		case err == nil && len(sessions) == 0:
			return ""
		case err != nil:
			return "the sessions of the database could not be listed: " + err.Error()
		case !s.Clock.Now().Before(until):
			return "sessions that were opened meanwhile are still there (" +
				strings.Join(sessions[:min(3, len(sessions))], "; ") + ")"
		}
		in.Say(engine.Progress{Text: "waiting for the end of sessions that were opened meanwhile"})
		if err := s.Clock.Sleep(ctx, time.Second/2); err != nil {
			return err.Error()
		}
	}
}
