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
	return group("backup", "Backups: create, list, verify, restore and prune them", a.backupListCommand(), a.backupVerifyCommand(),
		a.backupPruneCommand(), a.backupCreateCommand(), a.backupRestoreCommand())
}

func (a *app) backupListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The backups that are kept, the newest first",
		Long: `Lists the backups of this app in this environment, by what their manifests say. It takes no lock, needs no key, and reads no dump: whether
one can be read as it was written, fairlead backup verify tells.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.reading(func(s *session) (view.Page, error) {
				all, err := s.Backups(c.Context())
				if err != nil || a.json {
					return all, err
				}
				a.notes(all.Notes)
				a.show(all)
				if len(all.Backups) > 0 {
					a.say("in %s", all.Place)
				}
				return nil, nil
			})
		},
	}
}

func (a *app) backupVerifyCommand() *cobra.Command {
	level := ""
	c := &cobra.Command{
		Use:   "verify NAME",
		Short: "Read a backup back and compare it with what was written",
		Long: `Reads what the store holds, to the end, and compares its hash with the manifest, and the manifest with what the run recorded (L1). At level
L2 pg_restore then reads the whole archive, and contents and rows of every table are compared with those of its snapshot. Without --level
it does L2, or L1 for a backup that is encrypted and whose key is not here, and says so. It changes nothing and takes no lock.
Level L3 is a restore: fairlead backup restore NAME --into NEWDB.`,
		Args: args(cobra.ExactArgs(1)),
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
		v, err := s.VerifyBackup(c.Context(), name, level, say)
		if err != nil {
			return nil, err
		}
		s.screen.close()
		a.show(v)
		if !a.json {
			a.notes(v.Notes)
		}
		return nil, nil
	})
}

// notes prints sentences about an answer.
func (a *app) notes(all []string) {
	for _, n := range all {
		a.say("note: %s", n)
	}
}

func (a *app) backupPruneCommand() *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove the backups that retention lets go",
		Long: `Removes backups of this app in this environment that are older than backup.keep.days and have backup.keep.count newer ones (14 days, 5).
Never removed are: the newest verified one; those of a run that is not ended; that of the newest run that migrated; those of a run that
ended in a question nobody has answered by a later release. What writers left that died is removed after a day. The ledger is read
first: where it cannot be, nothing is removed.`,
		Args: args(cobra.NoArgs),
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
		Long: `Takes a backup exactly as a release would: dumped in one snapshot, hashed while it is written, read back, compared at the level of
backup.verify, and only then visible, with the roles and a manifest beside it. Nothing of production is changed, and no lock is taken.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.working(step.Backup{}.Spec(), func(s *session, say func(engine.Progress)) (view.Page, error) {
				return s.TakeBackup(c.Context(), say)
			})
		},
	}
}
