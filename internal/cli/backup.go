package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/backups"
	"fairlead/internal/engine"
	"fairlead/internal/operate"
	"fairlead/internal/step"
	"fairlead/internal/view"
)

func (a *app) backupCommand() *cobra.Command {
	return group("backup", "Backups: create, list, verify, restore and prune them",
		a.reader("list", "The backups that are kept, the newest first", (*session).Backups),
		a.backupVerifyCommand(), a.backupPruneCommand(), a.backupCreateCommand(), a.backupRestoreCommand())
}

func (a *app) backupVerifyCommand() *cobra.Command {
	level := ""
	c := command("verify NAME", "Read a backup back and compare it with what was written", cobra.ExactArgs(1),
		func(ctx context.Context, names []string) error {
			return a.verifyBackup(ctx, names[0], strings.ToUpper(level))
		})
	c.Flags().StringVar(&level, "level", "", "L1 or L2; the highest that is possible here when it is not given")
	return c
}

func (a *app) verifyBackup(ctx context.Context, name, level string) error {
	switch level {
	case "", step.L1, step.L2:
	case step.L3:
		return operate.Misused("--level L3 is a restore: fairlead backup restore %s --into NEWDB", name)
	default:
		return operate.Misused("--level is L1 or L2, not %.20q", level)
	}
	spec := engine.Spec{Name: "verify", Title: "Verify the backup " + name}
	return a.working(spec, func(s *session, say func(engine.Progress)) (view.Page, error) {
		return s.VerifyBackup(ctx, name, level, say)
	})
}

func (a *app) backupPruneCommand() *cobra.Command {
	dry := false
	c := command("prune", "Remove the backups that retention lets go", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return a.reading(func(s *session) (view.Page, error) { return s.PruneBackups(ctx, dry) })
		})
	c.Flags().BoolVar(&dry, "dry-run", false, "only tell what would be removed, and why the others stay")
	return c
}

func (a *app) backupCreateCommand() *cobra.Command {
	return command("create", "Take and verify a backup now, outside of a release", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return a.working(step.Backup{}.Spec(), func(s *session, say func(engine.Progress)) (view.Page, error) {
				return s.TakeBackup(ctx, say)
			})
		})
}

type restoreOptions struct {
	into     string
	overLive bool
	confirm  string
	globals  bool
}

func (a *app) backupRestoreCommand() *cobra.Command {
	var o restoreOptions
	c := command("restore NAME --into NEWDB | --over-live | --globals",
		"Restore a backup into a new database, and compare it", cobra.ExactArgs(1),
		func(ctx context.Context, names []string) error { return a.restoreBackup(ctx, names[0], o) })
	f := c.Flags()
	f.StringVar(&o.into, "into", "", "name of the new database")
	f.BoolVar(&o.overLive, "over-live", false,
		"put it in the place of the live database, which is kept under another name")
	f.StringVar(&o.confirm, "confirm", "", "name of the live database, instead of typing it")
	f.BoolVar(&o.globals, "globals", false, "print the roles that belong to the backup, and restore nothing")
	return c
}

func (a *app) restoreBackup(ctx context.Context, name string, o restoreOptions) error {
	switch {
	case o.globals && (o.overLive || o.into != ""), o.overLive && o.into != "":
		return operate.Misused("--into, --over-live and --globals are three different things: give one")
	case !o.globals && !o.overLive && o.into == "":
		return operate.Misused("say where to: --into NEWDB")
	case o.globals:
		return a.reading(func(s *session) (view.Page, error) { return nil, s.Project.Globals(ctx, name, a.Out) })
	}
	spec := engine.Spec{Name: "restore", Title: "Restore a backup"}
	return a.working(spec, func(s *session, say func(engine.Progress)) (view.Page, error) {
		if o.overLive {
			s.screen.close()
			if err := s.ConfirmLive(ctx, name, o.confirm); err != nil {
				return nil, err
			}
		}
		return s.RestoreBackup(ctx, backups.Restoration{Name: name, Into: o.into, Live: o.overLive}, say)
	})
}
