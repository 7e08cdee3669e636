package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/apply"
	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/source/file"
)

type migrateOptions struct {
	file     string
	command  bool     // the arguments are a command
	argv     []string // of the command
	with     []string // more files that the command is bound to
	noBackup bool
	again    bool
	reason   string
	mode     string // "single" or ""
	yes      bool
}

func (a *app) migrateCommand() *cobra.Command {
	group := &cobra.Command{Use: "migrate", Short: "Apply a migration alone: reviewed, backed up, exactly once", Args: args(cobra.NoArgs), RunE: group}
	group.AddCommand(a.migratePlanCommand(), a.migrateRehearseCommand(), a.migrateApplyCommand(), a.migrateWaiveCommand(), a.migrateStatusCommand())
	return group
}

func (a *app) migratePlanCommand() *cobra.Command {
	var o migrateOptions
	c := &cobra.Command{
		Use:   "plan FILE | --command -- PROGRAM ARG…",
		Short: "Show what a migration would do and what of it is in place; change nothing",
		Long: `Reads the migration like a careful reviewer, asks the database everything that an apply would ask, and prints the units in which it
would be applied. It takes no lock and writes nothing. Exit 3: a gate is closed.`,
		Args: migrationArgs(&o),
		RunE: func(c *cobra.Command, given []string) error {
			o.given(given)
			return runMigratePlan(c.Context(), a, o)
		},
	}
	migrateFlags(c, &o)
	return c
}

func (a *app) migrateApplyCommand() *cobra.Command {
	var o migrateOptions
	c := &cobra.Command{
		Use:   "apply FILE | --command -- PROGRAM ARG…",
		Short: "Review, back up, apply exactly once, record",
		Long: `The same gates, the same ledger and the same exactly-once apply as in a release, without images: review, backup with verification, units,
record. After a crash fairlead resume goes on. A file that was applied is not applied again: exit 0 says by which run it was.

With --command the migration is a command of your own tool. Nobody can read what it will do, so somebody must answer for it first
(fairlead migrate waive). It gets the URL of the database in the variable that the configuration names. That it was run exactly once
cannot be proved as it can for SQL: when its end was not seen, the outcome is unknown and a person must look.`,
		Args: migrationArgs(&o),
		RunE: func(c *cobra.Command, given []string) error {
			o.given(given)
			return runMigrateApply(c.Context(), a, o)
		},
	}
	migrateFlags(c, &o)
	c.Flags().BoolVar(&o.yes, "yes", false, "confirm without being asked; the record says so")
	return c
}

// migrationArgs takes one file, or the words of a command.
func migrationArgs(o *migrateOptions) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if o.command {
			return args(cobra.MinimumNArgs(1))(c, given)
		}
		if len(o.with) > 0 {
			return usagef("--with is only for --command")
		}
		return args(cobra.ExactArgs(1))(c, given)
	}
}

func (o *migrateOptions) given(all []string) {
	if o.command {
		o.argv = all
		return
	}
	o.file = all[0]
}

// retry is the command that would ask for the same once more.
func (o migrateOptions) retry() string {
	if !o.command {
		if o.mode != "" {
			return "fairlead migrate apply --mode " + o.mode + " " + quote(o.file)
		}
		return "fairlead migrate apply " + quote(o.file)
	}
	words := "fairlead migrate apply --command"
	for _, w := range o.with {
		words += " --with " + quote(w)
	}
	words += " --"
	for _, w := range o.argv {
		words += " " + quote(w)
	}
	return words
}

func commandFlags(c *cobra.Command, o *migrateOptions) {
	c.Flags().BoolVar(&o.command, "command", false, "the migration is a command of your own tool, which follows after --")
	c.Flags().StringArrayVar(&o.with, "with", nil, "a file or folder that the command depends on (may be repeated); files among its words are taken anyway")
}

func migrateFlags(c *cobra.Command, o *migrateOptions) {
	commandFlags(c, o)
	c.Flags().BoolVar(&o.noBackup, "no-backup", false, "take no backup; needs --reason, and the record says so")
	c.Flags().BoolVar(&o.again, "again", false, "apply it although it was applied; needs --reason")
	c.Flags().StringVar(&o.reason, "reason", "", "why, for the record")
	c.Flags().StringVar(&o.mode, "mode", "", "single: a file that the parser does not know goes whole, in one transaction; its finding needs a waiver")
}

// migration reads the file and what the flags ask for.
func (a *app) migration(o migrateOptions) (assemble.Migration, error) {
	m := assemble.Migration{File: named(o.file), By: a.holder().Name, Whole: o.mode == "single"}
	if o.mode != "" && (o.mode != "single" || o.command) {
		return m, usagef("--mode is single, and for SQL only; without it the file is applied statement by statement")
	}
	reason := strings.TrimSpace(o.reason)
	if (o.noBackup || o.again) && reason == "" {
		return m, usagef("--no-backup and --again need --reason: it stands in the record")
	}
	if o.noBackup {
		m.NoBackup = reason
	}
	if o.again {
		m.Again = reason
	}
	if o.command {
		return a.commanded(m, o)
	}
	var err error
	if m.SQL, err = readRegular(o.file); err != nil {
		return m, &fault.Fault{Code: "migration-unreadable", What: fmt.Sprintf("the migration %s cannot be read", o.file), Err: err, Outcome: fault.Refused,
			Means: "nothing was attempted; production is unchanged", Do: []fault.Command{{Line: "ls -l " + quote(o.file), Why: "what it is and who may read it"}}}
	}
	return m, nil
}

// readRegular reads a file that is one: a pipe is not waited for.
func readRegular(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	return readLimited(path, file.MaxSQL)
}

// named is how the record names a file: as it was given, but never by where it lies on this machine.
func named(path string) string {
	path = filepath.Clean(path)
	if filepath.IsLocal(path) {
		return filepath.ToSlash(path)
	}
	parts := strings.Split(filepath.ToSlash(path), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

func runMigratePlan(ctx context.Context, a *app, o migrateOptions) error {
	m, err := a.migration(o)
	if err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	p, screen, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	standing, err := p.Standing(ctx, m)
	if err != nil {
		return err
	}
	plan, err := p.PlanMigration(ctx, m)
	if err != nil {
		return err
	}
	screen.close()
	if a.json {
		fingerprint, err := plan.Terms.Fingerprint()
		a.printJSON(plannedMigration{planned{Fingerprint: fingerprint, Terms: plan.Terms, Proofs: plan.Proofs}, standing})
		return err
	}
	return migrationView(a.Out, plan, standing, m)
}

// plannedMigration is what migrate plan --json prints.
type plannedMigration struct {
	planned
	Standing assemble.Standing `json:"standing"`
}

func runMigrateApply(ctx context.Context, a *app, o migrateOptions) error {
	m, err := a.migration(o)
	if err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	a.noteIn = filepath.Join(filepath.Dir(a.configPath), ".fairlead")
	p, screen, leave, err := a.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	if err := a.free(ctx, p); err != nil {
		return err
	}
	standing, err := p.Standing(ctx, m)
	if err != nil {
		return err
	}
	if done, err := a.alreadyApplied(standing, m); done || err != nil {
		return err
	}
	plan, err := p.PlanMigration(ctx, m)
	if err != nil {
		return err
	}
	return a.applyPlan(ctx, c, p, screen, plan, standing, m, o)
}

// applyPlan asks for the approval, opens the run and executes it.
func (a *app) applyPlan(ctx context.Context, c config.Config, p Project, s screen, plan engine.Plan, standing assemble.Standing, m assemble.Migration, o migrateOptions) error {
	release := s.hold()
	fmt.Fprintln(a.Err)
	if err := migrationView(a.Err, plan, standing, m); err != nil {
		return err
	}
	fmt.Fprintln(a.Err)
	said, err := a.approve(ctx, c, plan.Terms, o.yes, o.reason, o.retry())
	if err != nil {
		return err
	}
	release()
	a.Acting.Store(true)
	run, err := p.Engine().Open(ctx, engine.OpenRequest{Run: p.NewRun(), Plan: plan, Approval: said})
	if err != nil {
		return notOpened(err)
	}
	return a.end(ctx, c, p, s, run.Execute(ctx))
}

// alreadyApplied answers for a file of which nothing is left to do.
func (a *app) alreadyApplied(s assemble.Standing, m assemble.Migration) (bool, error) {
	if m.Again != "" && !(m.Command.Commanded() && s.State == apply.Unknown) {
		if s.State != apply.Applied && !s.Elsewhere() && s.Left == "" || len(s.Units) == 0 {
			return false, usagef("--again: %s is not applied here, so there is nothing to repeat; leave the flag out", m.File)
		}
		return false, nil
	}
	if m.Command.Commanded() && s.State == apply.Unknown {
		if m.Again != "" {
			return false, nil
		}
		return false, neverSeen(s, m)
	}
	if s.State != apply.Applied && !s.Elsewhere() {
		return false, nil
	}
	means := fmt.Sprintf("nothing to do: %s holds nothing to apply", m.File)
	if run, at := s.Run(); run != "" {
		means = fmt.Sprintf("nothing to do: %s is already applied by run %s at %s", m.File, run, clock(at))
	}
	if s.Elsewhere() {
		means = fmt.Sprintf("nothing to do: %s is already applied by %s, not by fairlead: %s", m.File, s.Tool.Tool, s.Tool.Says)
	}
	if a.json {
		a.printJSON(answer{Outcome: fault.Deployed, Tag: m.File, Means: means})
		return true, nil
	}
	a.answer("%s", means)
	return true, nil
}
