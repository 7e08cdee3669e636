package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/decide"
	"fairlead/internal/engine"
)

type restoreOptions struct {
	name     string
	into     string
	overLive bool
	confirm  string
	globals  bool
}

func (a *app) backupRestoreCommand() *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore NAME --into NEWDB | --over-live | --globals",
		Short: "Restore a backup into a new database, and compare it",
		Long: `Restores a backup into a new database beside the live one, counts objects and rows there and compares them with the manifest. The live
database is not touched; the steps that put the new one in its place are printed.

With --over-live these steps are done too: the present state is backed up first, and the live database is kept under another name. This
asks for the name of the live database to be typed (or --confirm NAME). With --globals the roles that belong to the backup are printed.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return runBackupRestore(c.Context(), a, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.into, "into", "", "name of the new database")
	f.BoolVar(&o.overLive, "over-live", false, "put it in the place of the live database, which is kept under another name")
	f.StringVar(&o.confirm, "confirm", "", "name of the live database, instead of typing it")
	f.BoolVar(&o.globals, "globals", false, "print the roles that belong to the backup, and restore nothing")
	return c
}

// runBackupRestore restores one backup.
func runBackupRestore(ctx context.Context, a *app, o restoreOptions) error {
	switch {
	case o.globals && (o.overLive || o.into != ""), o.overLive && o.into != "":
		return usagef("--into, --over-live and --globals are three different things: give one")
	case !o.globals && !o.overLive && o.into == "":
		return usagef("say where to: --into NEWDB")
	}
	if o.globals {
		_, p, err := a.quiet()
		if err != nil {
			return err
		}
		defer p.Close()
		return p.Globals(ctx, o.name, a.Out)
	}
	c, p, say, done, err := a.working(engine.Spec{Name: "restore", Title: "Restore a backup"})
	if err != nil {
		return err
	}
	defer p.Close()
	defer done()
	if o.overLive {
		done()
		if err := a.overLive(ctx, p, o); err != nil {
			return err
		}
	}
	r, err := p.RestoreBackup(ctx, assemble.Restoration{Name: o.name, Into: o.into, Live: o.overLive}, say)
	done()
	if err != nil {
		return err
	}
	a.rememberRestore(c.App, c.Environment, r)
	if a.json {
		a.printJSON(r)
		return nil
	}
	restoredAnswer(a.Out, r, a.Now())
	return nil
}

// overLive asks for the name of the live database.
func (a *app) overLive(ctx context.Context, p Project, o restoreOptions) error {
	live, err := p.LiveDatabase(ctx)
	if err != nil {
		return err
	}
	if o.confirm != "" && o.confirm != live {
		return usagef("--confirm names %q, the live database is %q", o.confirm, live)
	}
	text := fmt.Sprintf("%s is the LIVE database. Its present state is backed up, %s is restored and takes its place; all sessions end; everything written since that backup is only in the database that is kept.", live, o.name)
	answer, err := decider{app: a, yes: o.confirm == live}.Decide(ctx, decide.Question{Text: text, Word: live})
	if err != nil {
		return fmt.Errorf("the name of the live database must be typed, or given by --confirm %s: %w", live, err)
	}
	if !answer.Yes {
		return usagef("that was not the name of the live database; nothing was done")
	}
	return nil
}

// restoredAnswer says what is where, and the steps that are left to a person.
func restoredAnswer(w io.Writer, r assemble.Restored, now time.Time) {
	var rows int64
	for _, n := range r.Manifest.Tables {
		rows += n
	}
	p := func(format string, args ...any) { fmt.Fprintln(w, plain(fmt.Sprintf(format, args...))) }
	p("restored %s: %d tables, %d rows, all as in its manifest, in %.1f s", r.Manifest.Name, len(r.Manifest.Tables), rows, r.Seconds)
	if r.Kept != "" {
		p("it is the live database %s now; what was live before is kept as %s, and backed up as %s", r.Into, r.Kept, r.Present)
		p("the way back:")
		swap(p, r.Into, r.Kept, r.Into+"_restored")
		return
	}
	p("it is in %s; the live database %s is unchanged", r.Into, r.Database)
	p("\nto put it in the place of %s:", r.Database)
	p("  1. stop what writes to %s (the app and its workers)", r.Database)
	p("  2. fairlead backup create          keeps the present state, too")
	p("  3. fairlead backup restore %s --globals", r.Manifest.Name)
	p("     the last part are settings and grants of the database itself: run it with the new name, %s", r.Into)
	p("  4. psql -d postgres, as a superuser or the owner of both:")
	swap(p, r.Database, r.Into, r.Database+"_before_"+now.UTC().Format("20060102_1504"))
	p("  5. start the app; fairlead check")
}

// swap prints the renaming: takes becomes live, live becomes kept.
func swap(p func(string, ...any), live, takes, kept string) {
	q := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	l := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	p("     ALTER DATABASE %s WITH ALLOW_CONNECTIONS false;", q(live))
	p("     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s);", l(live), l(takes))
	p("     BEGIN;")
	p("     ALTER DATABASE %s RENAME TO %s;", q(live), q(kept))
	p("     ALTER DATABASE %s RENAME TO %s;", q(takes), q(live))
	p("     ALTER DATABASE %s WITH ALLOW_CONNECTIONS true;", q(kept))
	p("     COMMIT;")
}
