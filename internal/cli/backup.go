package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/step"
)

// backupCommand is the group of what is done with backups, one function per command.
func (a *app) backupCommand() *cobra.Command {
	c := &cobra.Command{Use: "backup", Short: "Backups: create, list, verify, restore and prune them", Args: args(cobra.NoArgs), RunE: group}
	c.AddCommand(a.backupListCommand(), a.backupVerifyCommand(), a.backupPruneCommand(), a.backupCreateCommand(), a.backupRestoreCommand())
	return c
}

func (a *app) backupListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The backups that are kept, the newest first",
		Long: `Lists the backups of this app in this environment, by what their manifests say. It takes no lock, needs no key, and reads no dump: whether
one can be read as it was written, fairlead backup verify tells.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runBackupList(c.Context(), a) },
	}
}

// runBackupList reads the store.
func runBackupList(ctx context.Context, a *app) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	shelf, err := p.KeptBackups(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(shelf)
		return nil
	}
	for _, n := range shelf.Notes {
		a.say("note: %s", n)
	}
	if len(shelf.Backups) == 0 {
		a.answer("there is no backup in %s", shelf.Place)
		return nil
	}
	rows := [][]string{{"BACKUP", "SNAPSHOT", "SIZE", "TABLES", "LEVEL", "KEPT AS", "RUN"}}
	for _, k := range shelf.Backups {
		rows = append(rows, keptRow(k))
	}
	fmt.Fprint(a.Out, plain(table(rows)))
	a.say("in %s", shelf.Place)
	return nil
}

func keptRow(k backup.Entry) []string {
	row := []string{k.Name, clock(k.At), megabytes(k.Size), "-", "-", "-", "-"}
	if l := k.Label; l != nil {
		row = append(row[:3], fmt.Sprint(l.Tables), or(l.Level, "-"), keptAs(*l), l.Run)
	}
	if k.Trouble != "" {
		row[len(row)-1] += "  NOT RELIABLE: " + k.Trouble
	}
	return row
}

// keptAs says what is done to a dump before it is kept.
func keptAs(l backup.Label) string {
	var how []string
	if l.Compression != "" {
		how = append(how, l.Compression)
	}
	if l.Encryption != "" {
		how = append(how, fmt.Sprintf("%s to %d", l.Encryption, len(l.Recipients)))
	}
	return or(strings.Join(how, ", "), "plain")
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

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
			return runBackupVerify(c.Context(), a, names[0], strings.ToUpper(level))
		},
	}
	c.Flags().StringVar(&level, "level", "", "L1 or L2; the highest that is possible here when it is not given")
	return c
}

// runBackupVerify verifies one backup.
func runBackupVerify(ctx context.Context, a *app, name, level string) error {
	switch level {
	case "", step.L1, step.L2:
	case step.L3:
		return usagef("--level L3 is a restore: fairlead backup restore %s --into NEWDB", name)
	default:
		return usagef("--level is L1 or L2, not %.20q", level)
	}
	_, p, say, done, err := a.working(engine.Spec{Name: "verify", Title: "Verify the backup " + name})
	if err != nil {
		return err
	}
	defer p.Close()
	defer done()
	v, err := p.VerifyBackup(ctx, name, level, say)
	done()
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(v)
		return nil
	}
	m := v.Manifest
	what := map[string]string{step.L1: "what the store holds is what was written", step.L2: "it reads back whole; contents and rows are those of its snapshot"}[v.Level]
	a.answer("%s: %s (%s)", name, what, v.Level)
	recorded := "its run is not in the ledger"
	if v.Recorded {
		recorded = "as run " + m.Run + " recorded it"
	}
	a.answer("%s, %d tables, snapshot of %s, sha256 %.12s…, %s", megabytes(m.Size), len(m.Tables), clock(m.Snapshot), m.SHA256, recorded)
	for _, n := range v.Notes {
		a.say("note: %s", n)
	}
	return nil
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
		RunE: func(c *cobra.Command, _ []string) error { return runBackupPrune(c.Context(), a, dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only tell what would be removed, and why the others stay")
	return c
}

// runBackupPrune judges all backups and removes those that may go.
func runBackupPrune(ctx context.Context, a *app, dry bool) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	done, err := p.PruneBackups(ctx, dry)
	if a.json && err == nil {
		a.printJSON(done)
		return nil
	}
	rows := [][]string{{"BACKUP", "SNAPSHOT", "SIZE", "", "WHY"}}
	gone, freed := 0, int64(0)
	for _, j := range done.Judged {
		what := "stays"
		if !j.Stay {
			what, gone, freed = removed(dry), gone+1, freed+j.Entry.Size
		}
		rows = append(rows, []string{j.Entry.Name, clock(j.Entry.At), megabytes(j.Entry.Size), what, j.Why})
	}
	for _, o := range done.Leftover {
		rows = append(rows, []string{o.Name, clock(o.At), megabytes(o.Size), removed(dry), "left over by a writer that died"})
		gone, freed = gone+1, freed+o.Size
	}
	if err != nil {
		return err
	}
	if len(rows) > 1 {
		fmt.Fprint(a.Out, plain(table(rows)))
	}
	a.answer("%d %s (%s), %d stay", gone, removed(dry), megabytes(freed), len(rows)-1-gone)
	return nil
}

func removed(dry bool) string {
	if dry {
		return "would go"
	}
	return "removed"
}
