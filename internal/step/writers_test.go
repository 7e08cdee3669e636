package step

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
)

// act is a step that does what a test says.
type act struct {
	seen engine.Observation
	do   func() error
}

func (act) Spec() engine.Spec                                                 { return engine.Spec{Name: "act"} }
func (a act) Probe(context.Context, engine.Input) (engine.Observation, error) { return a.seen, nil }
func (a act) Run(context.Context, engine.Input) (engine.Evidence, error) {
	return WritersResumed{}, a.do()
}

// guard writes down what was done to the writers.
type guard struct {
	log         []string
	stop, start error
}

func (g *guard) writers() *Writers {
	at := time.Unix(0, 0)
	return &Writers{Line: "./start.sh", Now: func() time.Time { at = at.Add(time.Second); return at },
		Stop: func(context.Context) error { g.log = append(g.log, "stop"); return g.stop },
		Restart: func(ctx context.Context) error {
			g.log = append(g.log, "resume")
			return errors.Join(g.start, ctx.Err())
		}}
}

func quietInput(noted *int) engine.Input {
	return engine.Input{Say: func(engine.Progress) {}, Note: func(context.Context,
		engine.Fact) error {
		*noted++
		return nil
	}}
}

func TestQuiet_stops_once_and_resumes_at_the_end(t *testing.T) {
	g, noted := &guard{}, 0
	w := g.writers()
	for _, s := range []engine.Step{Quiesced{Step: act{do: func() error {
		g.log = append(g.log,
			"backup")
		return nil
	}}, Writers: w},
		Quiesced{Step: act{do: func() error { g.log = append(g.log, "migrate"); return nil }}, Writers: w},
		Quiesced{Step: act{do: func() error { g.log = append(g.log, "deploy"); return nil }}, Writers: w,
			Running: true}, ResumeWriters{Writers: w}} {
		if _, err := s.Run(t.Context(), quietInput(&noted)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"stop", "backup", "migrate", "deploy", "resume"}; !slices.Equal(g.log, want) || noted != 1 ||
		w.Stopped() {
		t.Errorf("it did %v, want %v; noted %d times", g.log, want, noted)
	}
}

func TestQuiet_resumes_on_every_failure_and_says_so(t *testing.T) {
	broken := errors.New("broken")
	for name, f := range map[string]struct {
		guard guard
		do    error
		log   string
		says  string
	}{
		"the step fails": {do: &fault.Fault{Code: "x", What: "x", Means: "production is unchanged",
			Err: fault.MarkUntouched(broken)}, log: "stop resume", says: "was stopped, and is resumed"},
		"they cannot be stopped": {guard: guard{stop: broken}, log: "stop resume",
			says: "was stopped, and is resumed"},
		"they cannot be resumed": {guard: guard{start: broken},
			do: &fault.Fault{Code: "x", What: "x", Means: "production is unchanged"}, log: "stop resume",
			says: "STOPPED, or may be, and this resumes it: ./start.sh"},
		"somebody else has taken over":    {do: &fence.Overtaken{}, log: "stop"},
		"an error that is no fault":       {do: broken, log: "stop resume"},
		"an interrupt, in which ctx ends": {do: context.Canceled, log: "stop resume"},
	} {
		noted := 0
		w := f.guard.writers()
		ctx, cancel := context.WithCancel(t.Context())
		q := Quiesced{Step: act{do: func() error { cancel(); return f.do }}, Writers: w}
		_, err := q.Run(ctx, quietInput(&noted))
		if err == nil || strings.Join(f.guard.log, " ") != f.log {
			t.Errorf("%s: it did %v, error %v", name, f.guard.log, err)
		}
		if said, ok := fault.Find(err); f.says != "" && (!ok || !strings.Contains(said.Means, f.says)) {
			t.Errorf("%s: it says %v", name, err)
		}
		if name == "the step fails" && !fault.IsUntouched(err) {
			t.Error("the mark Untouched is lost")
		}
	}
}

func TestQuiet_that_cannot_resume_does_not_say_that_the_outcome_of_the_step_is_known(t *testing.T) {
	g, noted := guard{start: errors.New("no route")}, 0
	q := Quiesced{Step: act{do: func() error { return errors.New("cable cut") }}, Writers: g.writers()}
	_, err := q.Run(t.Context(), quietInput(&noted))
	if f, ok := fault.Find(err); ok || err == nil || !strings.Contains(err.Error(), "no route") ||
		!strings.Contains(err.Error(), "./start.sh") {
		t.Errorf("it says %v (%+v)", err, f)
	}
}

func TestQuiet_does_not_take_a_backup_of_before_the_writers_ran_again(t *testing.T) {
	g := &guard{}
	q := Quiesced{Step: act{seen: engine.Observation{State: engine.Done, Because: "the backup is there"}},
		Writers: g.writers(), Afresh: true}
	if seen, err := q.Probe(t.Context(), engine.Input{}); err != nil || seen.State != engine.NotDone {
		t.Errorf("it sees %+v, %v", seen, err)
	}
	q.Afresh = false
	if seen, _ := q.Probe(t.Context(), engine.Input{}); seen.State != engine.Done {
		t.Errorf("a step that may be kept is not: %+v", seen)
	}
}
