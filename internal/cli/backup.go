package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead/internal/backup"
	"fairlead/internal/fault"
)

// backupCommand is the group of what is done with backups, one function per command.
func (a *app) backupCommand() *cobra.Command {
	c := &cobra.Command{Use: "backup", Short: "Backups: create, list, verify, restore and prune them", Args: args(cobra.NoArgs), RunE: group}
	c.AddCommand(a.backupListCommand(), a.backupCreateCommand(), a.backupRestoreCommand())
	return c
}

func (a *app) backupListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The backups that are kept, the newest first",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runBackupList(c.Context(), a) },
	}
}

// runBackupList reads the store and takes no lock.
func runBackupList(ctx context.Context, a *app) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	store, err := storeOf(p)
	if err != nil {
		return err
	}
	all, err := store.List(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(append([]backup.Object{}, all...))
		return nil
	}
	rows := [][]string{{"BACKUP", "KEPT SINCE", "SIZE"}}
	for _, o := range all {
		rows = append(rows, []string{o.Name, clock(o.At), fmt.Sprintf("%.1f MB", float64(o.Size)/1e6)})
	}
	fmt.Fprint(a.Out, table(rows))
	return nil
}

// storeOf gives the store that is configured, or what to write so that there is one.
func storeOf(p Project) (backup.Store, error) {
	if s := p.Backups(); s != nil {
		return s, nil
	}
	return nil, &fault.Fault{Code: "backup-not-configured", What: "the configuration names no place where backups are kept", Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do:    []fault.Command{{Line: "backup: {store: {kind: dir, path: /var/backups/shop}}", Why: "in fairlead.yaml; s3 and host are other kinds"}}}
}
