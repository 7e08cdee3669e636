package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/release"
)

// commanded is a database as a migration by command needs it.
type commanded interface {
	apply.Server
	database.Imprinter
	Unmark(ctx context.Context, t fence.Ticket, k apply.Key, unit int) error
}

// A Process is a command that was started.
type Process interface {
	PID() int
	Done() <-chan struct{}
	Ended() (status int, signal string, lost error)
	Stop(grace time.Duration)
	Sweep()
}

// Command is a migration that is a command of the team's own tool. It stands where Migrate stands and leaves the same
// evidence. That it was run exactly once cannot be proved as it can for SQL: what is known of its end comes from its
// exit status, the tool's own history and imprints of the database.
type Command struct {
	Database      commanded
	Migration     release.Migration
	Dir           string        // in which it runs
	Limit         time.Duration // how long it may run
	Every         time.Duration // how often lock and number are looked at while it runs; 0: every two seconds
	Clock         apply.Clock
	Again         bool
	WithoutBackup bool
	Decided       Decision // by a person, about an earlier attempt whose end is not known
	// Check tells whether the files are those that were approved; nil asks nothing.
	Check func() error
	// Launch starts it; the string is where its output is kept.
	Launch func(l Launch) (Process, string, error)
	// Left tells what of it still runs on this machine, begun since.
	Left func(run string, since time.Time) (machine string, running []int, err error)
}

// A Launch is what is started: for which run, in which folder, and who hears each line of its output.
type Launch struct {
	Run, Dir string
	Argv     []string
	Say      func(line string)
}

// A Decision is a person's word on what cannot be told.
type Decision struct {
	Applied string `json:"applied,omitempty"` // "yes" or "no"; "" is no decision
	By      string `json:"by,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Ran is what is known of a command that ended well.
type Ran struct {
	Line    string    `json:"line"`
	Took    string    `json:"took,omitempty"`
	Output  string    `json:"output,omitempty"`  // the file that keeps it
	Entries []string  `json:"entries,omitempty"` // that came into the tool's history, or went
	Nothing bool      `json:"nothing,omitempty"` // the imprints before and after are equal
	Decided *Decision `json:"decided,omitempty"`
}

// The kinds of the facts of a command.
const (
	beforeKind engine.Kind = "command-before/1" // an imprint
	launchKind engine.Kind = "command-launch/1" // it is about to be started
	endedKind  engine.Kind = "command-ended/1"  // it ended by itself, with this status
)

type launched struct {
	Machine string    `json:"machine"` // "" where it cannot be told
	Number  int64     `json:"number"`
	At      time.Time `json:"at"`
}

type endedFact struct {
	Number int64 `json:"number"`
	Status int   `json:"status"`
}

// holdEvery is how often the number and the lock are looked at while a command runs.
const holdEvery = 2 * time.Second

// grace is how long a command that is stopped may take to end by itself.
const grace = 10 * time.Second

// Spec declares the step: the same place as Migrate.
func (s Command) Spec() engine.Spec {
	return engine.Spec{Name: "migrate", Title: "Run the migration's command", Effect: engine.Once,
		Mutates: engine.Schema, Needs: []engine.Kind{protection(s.WithoutBackup)}, Proves: Migrated{}.Kind(),
		Runbook: []string{s.Migration.Line()}}
}

func (s Command) key(in engine.Input) apply.Key { return keyOf(in, s.Migration.SHA256, s.Again) }

// Run starts the command once everything that must be known later is written down, and says truthfully how it ended.
func (s Command) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	solo, err := s.enter(ctx, in)
	if err != nil {
		return nil, s.unstarted(in, err)
	}
	defer func() { _ = solo.Close(context.WithoutCancel(ctx)) }()
	if s.Decided.Applied == "yes" {
		return s.finish(ctx, in, solo, Ran{Line: s.Migration.Line(), Decided: &s.Decided})
	}
	before, err := s.prepare(ctx, in, solo)
	if err != nil {
		return nil, s.unstarted(in, err)
	}
	began := s.Clock.Now()
	p, output, err := s.Launch(Launch{Run: in.Ticket.Run, Dir: s.Dir, Argv: s.Migration.Command,
		Say: func(line string) { in.Say(engine.Progress{Text: "| " + line, Line: true}) }})
	if err != nil {
		return nil, s.unstarted(in, errors.Join(err, s.Database.Unmark(context.WithoutCancel(ctx), in.Ticket, s.key(in),
			0)))
	}
	in.Say(engine.Progress{Text: fmt.Sprintf("process %d; its output is kept in %s", p.PID(), output), Line: true})
	if err := s.wait(ctx, in, solo, p); err != nil {
		return nil, s.unknown(output, err)
	}
	p.Sweep()
	status, signal, lost := p.Ended()
	ran := Ran{Line: s.Migration.Line(), Took: s.Clock.Now().Sub(began).Round(time.Millisecond).String(),
		Output: output}
	switch {
	case lost != nil:
		return nil, s.unknown(output, lost)
	case signal != "":
		return nil, s.unknown(output, fmt.Errorf("it was ended by the signal %q", signal))
	case status > 128:
		return nil, s.unknown(output,
			fmt.Errorf("its exit status is %d, which says that a signal ended something in it", status))
	case status != 0:
		return nil, s.failed(ctx, in, before, status, output)
	}
	if now, err := s.Database.Imprint(context.WithoutCancel(ctx)); err == nil {
		ran.Entries = before.Entries(now)
		ran.Nothing = before.Differs(now) == ""
	}
	return s.finish(ctx, in, solo, ran)
}

// enter puts the number into place and takes the lock.
func (s Command) enter(ctx context.Context, in engine.Input) (apply.NonTransactional, error) {
	if err := s.Database.Raise(ctx, in.Ticket); err != nil {
		return nil, fmt.Errorf("put the takeover number into the database: %w", err)
	}
	solo, err := s.Database.NonTransactional(ctx)
	if err != nil {
		return nil, err
	}
	if err := solo.Hold(ctx, in.Ticket); err != nil {
		_ = solo.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return solo, nil
}

// prepare writes down what the end will be held against, and marks the intent.
func (s Command) prepare(ctx context.Context, in engine.Input, solo apply.NonTransactional) (database.Imprint, error) {
	if s.Check != nil {
		if err := s.Check(); err != nil {
			return database.Imprint{}, err
		}
	}
	if err := s.expected(ctx, in); err != nil {
		return database.Imprint{}, err
	}
	before, err := s.Database.Imprint(ctx)
	if err != nil {
		return before, err
	}
	if err := in.Note(ctx, engine.NewFact(beforeKind, before)); err != nil {
		return before, err
	}
	err = solo.Mark(ctx, s.key(in), apply.Marker{SHA256: s.Migration.SHA256, Run: in.Ticket.Run,
		Fence: in.Ticket.Number})
	if err != nil && !errors.Is(err, apply.ErrMarked) {
		return before, err
	}
	machine, _, _ := s.Left(in.Ticket.Run, s.Clock.Now())
	return before, in.Note(ctx, engine.NewFact(launchKind, launched{Machine: machine, Number: in.Ticket.Number,
		At: s.Clock.Now().UTC()}))
}

// expected refuses another server than the one that was backed up or asked.
func (s Command) expected(ctx context.Context, in engine.Input) error {
	want := expected(in, s.WithoutBackup)
	if want == nil {
		return nil
	}
	id, err := s.Database.Identity(ctx)
	if err == nil && !id.Same(*want) {
		err = fmt.Errorf("the server is not the one that was backed up: %v, expected %v", id, *want)
	}
	return err
}

// wait keeps the lock and the number under watch until the command has ended. An interrupt lets it come to its end. Its
// error means that the command was stopped.
func (s Command) wait(ctx context.Context, in engine.Input, solo apply.NonTransactional, p Process) error {
	end := s.Clock.Now().Add(s.Limit)
	quiet, interrupted := context.WithoutCancel(ctx), ctx.Done()
	every := s.Every
	if every <= 0 {
		every = holdEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.Done():
			return nil
		case <-interrupted:
			interrupted = nil
			in.Say(engine.Progress{Text: "interrupted: the command is left to come to its end, because nobody could " +
				"tell what a stopped one has done", Line: true})
			continue
		case <-tick.C:
		}
		var err error
		if !s.Clock.Now().Before(end) {
			err = fmt.Errorf("it ran for longer than %s", s.Limit)
		} else {
			err = solo.Hold(quiet, in.Ticket)
		}
		if err != nil {
			p.Stop(grace)
			return fmt.Errorf("it was stopped: %w", err)
		}
	}
}

// finish commits the end.
func (s Command) finish(ctx context.Context, in engine.Input, solo apply.NonTransactional, ran Ran) (engine.Evidence,
	error) {
	m := apply.Marker{SHA256: s.Migration.SHA256, Run: in.Ticket.Run, Fence: in.Ticket.Number, Done: true}
	quiet := context.WithoutCancel(ctx)
	err := solo.Hold(quiet, in.Ticket)
	if err == nil {
		err = solo.Mark(quiet, s.key(in), m)
	}
	if err != nil && !errors.Is(err, apply.ErrMarked) {
		return nil, s.unknown(ran.Output, fmt.Errorf("it ended well, but that could not be marked in the database: %w",
			err))
	}
	return s.evidence(in, m, ran), nil
}

// evidence is the same as that of a migration in SQL: one unit.
func (s Command) evidence(in engine.Input, m apply.Marker, ran Ran) Migrated {
	e := Migrated{SHA256: s.Migration.SHA256, Units: 1, By: m.Run, Command: &ran}
	if m.Run == in.Ticket.Run {
		e.Here = 1
	}
	return e
}

// failed is a command that ended by itself with another status than 0: unchanged where that is proved, else changed to
// an unknown extent.
func (s Command) failed(ctx context.Context, in engine.Input, before database.Imprint, status int,
	output string) error {
	quiet := context.WithoutCancel(ctx)
	cause := fmt.Errorf("exit status %d; its output is in %s", status, output)
	why := s.same(quiet, in, &before)
	if _, _, earlier := lastFacts(in.Facts); why == "" && earlier != nil {
		why = "this attempt changed nothing, but an earlier one of this run may have"
	}
	if why == "" {
		if err := s.Database.Unmark(quiet, in.Ticket, s.key(in), 0); err == nil {
			return &fault.Fault{Code: "command-failed",
				What: "the migration's command failed, and left everything as it was", Err: fault.MarkUntouched(cause),
				Means: "production is unchanged: schema, rows and the tool's history are as they were before" +
					unstarted(in), Do: tryAgain(in)}
		}
		why = "the intent could not be taken back"
	}
	if err := in.Note(quiet, engine.NewFact(endedKind, endedFact{Number: in.Ticket.Number,
		Status: status})); err != nil {
		return s.unknown(output, errors.Join(cause, err))
	}
	return &fault.Fault{Code: "command-partial",
		What: "the migration's command failed, and how much of it is in place is not known", Outcome: fault.Asking,
		Means: "production may be changed: " + why + unstarted(in), Err: cause,
		Do: []fault.Command{{Line: "less " + fault.Word(output), Why: "what it said"},
			{Line: "fairlead resume", Why: "runs the same command again, which a tool with a history can bear"},
			giveUp(in)}}
}

// unstarted is a command that did not begin.
func (s Command) unstarted(in engine.Input, err error) error {
	if errors.Is(err, fence.ErrOvertaken) {
		return err
	}
	return &fault.Fault{Code: "command-not-started", What: "the migration's command was not started",
		Means: "production is unchanged" + unstarted(in), Err: fault.MarkUntouched(err), Do: tryAgain(in)}
}

// unknown is a command whose end says nothing.
func (s Command) unknown(output string, err error) error {
	do := []fault.Command{{Line: "fairlead resume", Why: "looks whether anything was changed"}}
	if output != "" {
		do = append([]fault.Command{{Line: "less " + fault.Word(output), Why: "what it said"}}, do...)
	}
	do = append(do, fault.Command{Line: "fairlead resume --migration applied|not-applied --reason '…'",
		Why: "once you have looked at the tool's history: says how it ended, and goes on"})
	return &fault.Fault{Code: "command-unknown", What: "it is not known how the migration's command ended",
		Outcome: fault.Unknown, Err: err,
		Means: "production is unknown: the command may have applied all, a part or nothing of what it does", Do: do}
}

func numbers(all []int) string {
	var words []string
	for _, n := range all {
		words = append(words, fmt.Sprint(n))
	}
	return strings.Join(words, ", ")
}

// words says who decided what.
func (d Decision) words() string {
	verb := "decided that it was not applied"
	if d.Applied == "yes" {
		verb = "decided that it is applied"
	}
	return fmt.Sprintf("%s %s: %s", d.By, verb, d.Reason)
}

// sentence is what is known of a command, for people.
func (r Ran) sentence(m Migrated) string {
	switch {
	case r.Decided != nil:
		return r.Decided.words()
	case m.Here == 0:
		return fmt.Sprintf("already run by run %s: %s", m.By, r.Line)
	}
	s := "run to its end by this run: " + r.Line
	if r.Took != "" {
		s += ", " + r.Took
	}
	switch {
	case len(r.Entries) > 0:
		s += "; history " + strings.Join(r.Entries[:min(5, len(r.Entries))], ", ")
	case r.Nothing:
		s += "; schema, rows and histories are as they were before"
	}
	return s
}
