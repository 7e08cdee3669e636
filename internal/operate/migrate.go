package operate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fairlead/internal/applied"
	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/planner"
	"fairlead/internal/source"
	"fairlead/internal/step"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// A MigrationRequest is what a migration alone is asked for with.
type MigrationRequest struct {
	File     string
	Command  bool     // Argv is a command, instead of a file
	Argv     []string // of the command
	With     []string // more files that the command is bound to
	NoBackup bool
	Again    bool
	Reason   string
	Mode     string // "single" or ""
}

// retry is the command that would ask for the same once more.
func (r MigrationRequest) retry() string {
	words := []string{"fairlead", "migrate", "apply"}
	if !r.Command {
		if r.Mode != "" {
			words = append(words, "--mode", r.Mode)
		}
		return strings.Join(append(words, fault.Word(r.File)), " ")
	}
	words = append(words, "--command")
	for _, w := range r.With {
		words = append(words, "--with", fault.Word(w))
	}
	words = append(words, "--")
	for _, w := range r.Argv {
		words = append(words, fault.Word(w))
	}
	return strings.Join(words, " ")
}

// Read reads the file, or binds the command to its files. By is who asks.
func (r MigrationRequest) Read(by string) (step.Migration, error) {
	m := step.Migration{File: recordName(r.File), By: by, Whole: r.Mode == "single"}
	if r.Mode != "" && (r.Mode != "single" || r.Command) {
		return m, Misused("--mode is single, and for SQL only; without it the file is applied statement by statement")
	}
	reason := strings.TrimSpace(r.Reason)
	if (r.NoBackup || r.Again) && reason == "" {
		return m, Misused("--no-backup and --again need --reason: it stands in the record")
	}
	if r.NoBackup {
		m.NoBackup = reason
	}
	if r.Again {
		m.Again = reason
	}
	if r.Command {
		return r.bind(m)
	}
	var err error
	if m.SQL, err = readRegular(r.File, source.MaxSQL); err != nil {
		return m, &fault.Fault{Code: "migration-unreadable",
			What: fmt.Sprintf("the migration %s cannot be read", r.File), Err: err,
			Outcome: fault.Refused, Means: "nothing was attempted; production is unchanged",
			Do: []fault.Command{{Line: "ls -l " + fault.Word(r.File), Why: "what it is and who may read it"}}}
	}
	return m, nil
}

// bind binds the command to the files that it names.
func (r MigrationRequest) bind(m step.Migration) (step.Migration, error) {
	dir, err := os.Getwd()
	if err != nil {
		return m, fmt.Errorf("find the current folder: %w", err)
	}
	m.Dir = dir
	if m.Command, err = planner.BindCommand(dir, r.Argv, r.With); err != nil {
		return m, Misused("--command: %w", err)
	}
	m.File = m.Command.Line()
	return m, nil
}

// recordName is how the record names a file: as it was given, but never by where it lies on this machine.
func recordName(path string) string {
	path = filepath.Clean(path)
	if filepath.IsLocal(path) {
		return filepath.ToSlash(path)
	}
	parts := strings.Split(filepath.ToSlash(path), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// PlanMigration says what a migration would do and what of it is in place.
func (o *Operator) PlanMigration(ctx context.Context, m step.Migration) (view.Page, error) {
	status, err := o.Project.MigrationStatus(ctx, m)
	if err != nil {
		return nil, err
	}
	_, page, err := o.planMigration(ctx, m, status)
	return page, err
}

func (o *Operator) planMigration(ctx context.Context, m step.Migration,
	s applied.Status) (engine.Plan, view.Page, error) {
	plan, err := o.Project.PlanMigration(ctx, m)
	if err != nil {
		return plan, nil, err
	}
	page, err := view.NewPlan(plan)
	if err != nil {
		return plan, nil, err
	}
	return plan, view.MigrationPlan{Plan: page, Standing: s, Asked: m}, nil
}

// Migrate applies a migration alone: planned, shown, approved and carried out. What is applied already is not applied
// again.
func (o *Operator) Migrate(ctx context.Context, m step.Migration, r MigrationRequest) (view.Page, error) {
	if err := o.Free(ctx); err != nil {
		return nil, err
	}
	status, err := o.Project.MigrationStatus(ctx, m)
	if err != nil {
		return nil, err
	}
	if result, err := alreadyApplied(status, m); result != nil || err != nil {
		return result, err
	}
	plan, page, err := o.planMigration(ctx, m, status)
	if err != nil {
		return nil, err
	}
	o.Frontend.Show(page)
	return o.execute(ctx, plan, consent{r.Reason, r.retry()}, nil)
}

// alreadyApplied answers for a migration of which nothing is left to do; nil goes on.
func alreadyApplied(s applied.Status, m step.Migration) (view.Page, error) {
	unsettled := m.Command.Commanded() && s.State == apply.Unknown
	inPlace := s.State == apply.Applied || s.Elsewhere()
	run, at := s.Run()
	switch {
	case unsettled && m.Again == "":
		return nil, commandUnsettled(s, m)
	case !unsettled && m.Again != "" && (!inPlace && s.Left == "" || len(s.Units) == 0):
		return nil, Misused("--again: %s is not applied here, so there is nothing to repeat; leave the flag out",
			m.File)
	case m.Again != "" || !inPlace:
		return nil, nil
	case s.Elsewhere():
		return view.NothingToDo(m.File, "%s is already applied by %s, not by fairlead: %s", m.File, s.Tool.Tool,
			s.Tool.Says), nil
	case run != "":
		return view.NothingToDo(m.File, "%s is already applied by run %s at %s", m.File, run, ui.Clock(at)), nil
	}
	return view.NothingToDo(m.File, "%s holds nothing to apply", m.File), nil
}

// commandUnsettled refuses to run a command whose earlier end is not known, before a run is opened.
func commandUnsettled(s applied.Status, m step.Migration) error {
	u := s.Units[0]
	return &fault.Fault{Code: "command-unsettled", Outcome: fault.Refused,
		What:  fmt.Sprintf("run %s started this command at %s, and how it ended is not known", u.Run, ui.Clock(u.At)),
		Means: "nothing was changed by this command; what that run left is as unknown as before",
		Do: []fault.Command{{Line: "fairlead show " + u.Run, Why: "what is known of it"},
			{Line: "fairlead migrate apply --again --reason '…' --command " + m.Command.Call(),
				Why: "runs it again, once you have looked at the tool's own history"}}}
}

// MigrationStatus tells what of one migration is in place.
func (o *Operator) MigrationStatus(ctx context.Context, m step.Migration) (view.Page, error) {
	s, err := o.Project.MigrationStatus(ctx, m)
	return answer(view.MigrationStatus{File: m.File, Status: s}, err)
}

// Migrations lists everything that was ever applied.
func (o *Operator) Migrations(ctx context.Context) (view.Page, error) {
	all, err := o.Project.MigrationHistory(ctx)
	return answer(view.Migrations(append([]applied.Entry{}, all...)), err)
}

// Rehearse tries a migration on a scratch copy of a backup, the newest where none is named. Mode is schema, full, or ""
// for the configured one.
func (o *Operator) Rehearse(ctx context.Context, m step.Migration, backup, mode string,
	say func(engine.Progress)) (view.Page, error) {
	e, err := o.Project.Rehearse(ctx, planner.Rehearsal{File: m.File, SQL: m.SQL, Backup: backup, Mode: mode}, say)
	return answer(view.Rehearsal{File: m.File, Rehearsed: e}, err)
}
