package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/operate"
	"fairlead/internal/step"
	"fairlead/internal/view"
)

func (a *app) migrateCommand() *cobra.Command {
	return group("migrate", "Apply a migration alone: reviewed, backed up, exactly once", a.migratePlanCommand(),
		a.migrateRehearseCommand(), a.migrateApplyCommand(), a.migrateWaiveCommand(), a.migrateStatusCommand())
}

func (a *app) migratePlanCommand() *cobra.Command {
	var r operate.MigrationRequest
	c := command("plan FILE | --command -- PROGRAM ARG…",
		"Show what a migration would do and what of it is in place; change nothing", cobra.ArbitraryArgs,
		func(ctx context.Context, _ []string) error {
			m, err := r.Read(a.name())
			if err != nil {
				return err
			}
			return a.acting(false, func(s *session) (view.Page, error) { return s.PlanMigration(ctx, m) })
		})
	migrationFlags(c, &r)
	return c
}

func (a *app) migrateApplyCommand() *cobra.Command {
	var r operate.MigrationRequest
	var yes bool
	c := command("apply FILE | --command -- PROGRAM ARG…", "Review, back up, apply exactly once, record",
		cobra.ArbitraryArgs, func(ctx context.Context, _ []string) error {
			m, err := r.Read(a.name())
			if err != nil {
				return err
			}
			a.leadNote = true
			return a.acting(yes, func(s *session) (view.Page, error) { return s.Migrate(ctx, m, r) })
		})
	migrationFlags(c, &r)
	c.Flags().BoolVar(&yes, "yes", false, "confirm without being asked; the record says so")
	return c
}

// migrationArgs takes one file, or the words of a command.
func migrationArgs(r *operate.MigrationRequest) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		r.Argv = given
		if r.Command {
			return args(cobra.MinimumNArgs(1))(c, given)
		}
		if len(r.With) > 0 {
			return operate.Misused("--with is only for --command")
		}
		r.File = first(given)
		return args(cobra.ExactArgs(1))(c, given)
	}
}

func migrationFlags(c *cobra.Command, r *operate.MigrationRequest) {
	c.Args = migrationArgs(r)
	f := c.Flags()
	f.BoolVar(&r.Command, "command", false, "the migration is a command of your own tool, which follows after --")
	f.StringArrayVar(&r.With, "with", nil,
		"a file or folder that the command depends on (may be repeated); files among its words are taken anyway")
	f.BoolVar(&r.NoBackup, "no-backup", false, "take no backup; needs --reason, and the record says so")
	f.BoolVar(&r.Again, "again", false, "apply it although it was applied; needs --reason")
	f.StringVar(&r.Reason, "reason", "", "why, for the record")
	f.StringVar(&r.Mode, "mode", "", "single: a file that the parser does not know goes whole, in one transaction; "+
		"its finding needs a waiver")
}

func (a *app) migrateStatusCommand() *cobra.Command {
	return command("status [FILE]", "Which migrations are applied, by which run, when", cobra.MaximumNArgs(1),
		func(ctx context.Context, given []string) error {
			if len(given) == 0 {
				return a.reading(func(s *session) (view.Page, error) { return s.Migrations(ctx) })
			}
			m, err := operate.MigrationRequest{File: given[0]}.Read(a.name())
			if err != nil {
				return err
			}
			return a.reading(func(s *session) (view.Page, error) { return s.MigrationStatus(ctx, m) })
		})
}

func (a *app) migrateRehearseCommand() *cobra.Command {
	var backup, mode string
	c := command("rehearse FILE",
		"Try a migration on a scratch copy of a backup, twice; production is only read", cobra.ExactArgs(1),
		func(ctx context.Context, given []string) error {
			if mode != "" && mode != "schema" && mode != "full" {
				return operate.Misused("--mode %q: it is schema or full", mode)
			}
			m, err := operate.MigrationRequest{File: given[0]}.Read(a.name())
			if err != nil {
				return err
			}
			return a.working(step.Rehearse{}.Spec(), func(s *session, say func(engine.Progress)) (view.Page, error) {
				return s.Rehearse(ctx, m, backup, mode, say)
			})
		})
	c.Flags().StringVar(&backup, "backup", "", "the backup that is restored (default: the newest)")
	c.Flags().StringVar(&mode, "mode", "", "schema or full (default: as configured, else full)")
	return c
}

func (a *app) migrateWaiveCommand() *cobra.Command {
	r := operate.MigrationRequest{Command: true}
	var until, releaseFile string
	c := command("waive --reason WHY --until DAY -- PROGRAM ARG… | --release FILE",
		"Answer for a migration that is a command", cobra.ArbitraryArgs,
		func(_ context.Context, given []string) error {
			r.Argv = given
			return a.waiveCommandMigration(r, releaseFile, until)
		})
	c.Flags().StringArrayVar(&r.With, "with", nil, "a file or folder that the command depends on, as in migrate apply")
	c.Flags().StringVar(&releaseFile, "release", "",
		"the release file whose migration is a command, instead of the command")
	c.Flags().StringVar(&r.Reason, "reason", "", "why this is safe here, in 15 characters or more")
	c.Flags().StringVar(&until, "until", "", "the last day on which it is valid, like 2027-01-31")
	return c
}

func (a *app) waiveCommandMigration(r operate.MigrationRequest, releaseFile, until string) error {
	m, err := operate.CommandToWaive(r, releaseFile)
	if err != nil {
		return err
	}
	w := a.workplace()
	answer := operate.Answer{By: a.name(), Reason: r.Reason, Until: until, Now: a.Now()}
	if err := w.WaiveCommand(m, answer); err != nil {
		return err
	}
	a.answer("%s: %s, with %d files bound, may run until %s", w.WaiverFile(""), m.Line(), len(m.Files), until)
	return nil
}
