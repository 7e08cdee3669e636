package cli

import (
	"strings"

	"github.com/spf13/cobra"

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
	c := &cobra.Command{
		Use:   "verify NAME",
		Short: "Read a backup back and compare it with what was written",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, names []string) error {
			return a.verifyBackup(c, names[0], strings.ToUpper(level))
		},
	}
	c.Flags().StringVar(&level, "level", "", "L1 or L2; the highest that is possible here when it is not given")
	return c
}

func (a *app) verifyBackup(c *cobra.Command, name, level string) error {
	switch level {
	case "", step.L1, step.L2:
	case step.L3:
		return operate.Misused("--level L3 is a restore: fairlead backup restore %s --into NEWDB", name)
	default:
		return operate.Misused("--level is L1 or L2, not %.20q", level)
	}
	spec := engine.Spec{Name: "verify", Title: "Verify the backup " + name}
	return a.working(spec, func(s *session, say func(engine.Progress)) (view.Page, error) {
		return s.VerifyBackup(c.Context(), name, level, say)
	})
}

func (a *app) backupPruneCommand() *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove the backups that retention lets go",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.reading(func(s *session) (view.Page, error) { return s.PruneBackups(c.Context(), dry) })
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only tell what would be removed, and why the others stay")
	return c
}

func (a *app) backupCreateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create",
		Short: "Take and verify a backup now, outside of a release",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.working(step.Backup{}.Spec(), func(s *session, say func(engine.Progress)) (view.Page, error) {
				return s.TakeBackup(c.Context(), say)
			})
		},
	}
}
