package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/engine"
	"fairlead/internal/step"
	"fairlead/internal/ui"
)

type rehearseOptions struct {
	file   string
	backup string
	mode   string
}

func (a *app) migrateRehearseCommand() *cobra.Command {
	var o rehearseOptions
	c := &cobra.Command{
		Use:   "rehearse FILE",
		Short: "Try a migration on a scratch copy of a backup, twice; production is only read",
		Long: `Restores a backup into a scratch database (rehearse.server says where), counts its rows, runs the migration there twice, and tells what
each unit locks, rewrites and takes. The copy is gone afterwards. Exit 4: the migration fails there. docs/rehearsal.md`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			o.file = given[0]
			return runRehearse(c.Context(), a, o)
		},
	}
	c.Flags().StringVar(&o.backup, "backup", "", "the backup that is restored (default: the newest)")
	c.Flags().StringVar(&o.mode, "mode", "", "schema or full (default: as configured, else full)")
	return c
}

// runRehearse rehearses outside of a run.
func runRehearse(ctx context.Context, a *app, o rehearseOptions) error {
	if o.mode != "" && o.mode != "schema" && o.mode != "full" {
		return usagef("--mode %q: it is schema or full", o.mode)
	}
	m, err := a.migration(migrateOptions{file: o.file})
	if err != nil {
		return err
	}
	_, p, say, done, err := a.working(step.Rehearse{}.Spec())
	if err != nil {
		return err
	}
	defer p.Close()
	defer done()
	e, err := p.RehearseAlone(ctx, assemble.Rehearsal{File: m.File, SQL: m.SQL, Backup: o.backup, Mode: o.mode}, say)
	done()
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(e)
		return nil
	}
	fmt.Fprint(a.Out, rehearsalPage(m.File, e))
	return nil
}

// rehearsalPage tells a person what to expect.
func rehearsalPage(file string, e step.Rehearsed) string {
	var out strings.Builder
	line := func(head, format string, args ...any) {
		fmt.Fprintf(&out, "%-12s%s\n", head, ui.Clean(fmt.Sprintf(format, args...)))
	}
	line("rehearsed", "%s, on %s", file, e.Copy.Where)
	if e.Copy.Counted {
		line("restored", "%s: %d tables, %d rows, equal to the backup (%s), %s", e.Backup, e.Copy.Tables, e.Copy.Rows, e.Level, milliseconds(e.Copy.Restored))
	} else {
		line("restored", "the schema of %s alone, %s: nothing is known of the data, and no duration means anything", e.Backup, milliseconds(e.Copy.Restored))
	}
	out.WriteByte('\n')
	rows := [][]string{{"UNIT", "LINE", "TAKES", "REWRITES", "BUILDS INDEXES ON", "LOCKS THAT STOP OTHERS"}}
	for _, u := range e.Units {
		rows = append(rows, []string{fmt.Sprint(u.Unit + 1), fmt.Sprint(u.Line), milliseconds(u.Milliseconds), dash(u.Rewrites), dash(u.Builds), dash(u.Locks)})
	}
	out.WriteString(table(rows))
	out.WriteByte('\n')
	line("second run", "%s", or(e.Again, "goes through"))
	for _, d := range e.Differ {
		line("DIFFERS", "%s", d)
	}
	if t := e.Copy.OldOnNew; t != nil {
		line("old on new", "%s", or(t.Fails, "passed: the version that runs now works on the new schema"))
	}
	if t := e.Copy.NewOnOld; t != nil {
		line("new on old", "%s", or(t.Fails, "passed: the new version works on the old schema"))
	}
	for _, n := range e.Copy.Notes {
		line("note", "%s", n)
	}
	return out.String()
}

func dash(all []string) string { return or(ui.Clean(strings.Join(all, ", ")), "-") }

func milliseconds(n int64) string { return fmt.Sprintf("%.2f s", float64(n)/1000) }

const clearing = 30 * time.Second

// clearRehearsals drops the scratch copies of a run that came to no good end. That it cannot changes no outcome: the next one drops them.
func (a *app) clearRehearsals(ctx context.Context, p Project) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearing)
	defer cancel()
	removed, err := p.SweepRehearsals(ctx)
	for _, name := range removed {
		a.say("removed what a rehearsal left: %s", ui.Clean(name))
	}
	if err != nil {
		a.say("a rehearsal may have left a scratch copy, which the next one removes: %s", ui.Clean(err.Error()))
	}
}

// observed says how the old version's checks met the new schema in the rehearsal, if there was one.
func observed(p engine.Proofs) string {
	e, err := engine.Recall[step.Rehearsed](p)
	switch t := e.Copy.OldOnNew; {
	case err != nil || t == nil:
		return ""
	case t.Fails == "":
		return "; in the rehearsal the old version's check PASSED on the new schema"
	default:
		return "; in the rehearsal the old version's check FAILED on the new schema: " + t.Fails
	}
}

// rehearsed says in a plan that there will be a rehearsal; "" without one.
func rehearsed(t engine.Terms) string {
	if !slices.Contains(t.Steps, step.Rehearse{}.Spec().Name) {
		return ""
	}
	return "the backup is restored and the migration tried there first; if it fails there, nothing is applied"
}
