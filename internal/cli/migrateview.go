package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fairlead/internal/apply"
	"fairlead/internal/assemble"
	"fairlead/internal/engine"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// migrationView is what a person reads before saying yes to a migration.
func migrationView(w io.Writer, plan engine.Plan, standing assemble.Standing, m assemble.Migration) error {
	units, err := unitsOf(plan)
	if err != nil {
		return err
	}
	t := plan.Terms
	line := func(head, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s%s\n", head, plain(fmt.Sprintf(format, args...)))
	}
	fingerprint, err := t.Fingerprint()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "plan: apply %s to %s in %s\n", plain(m.File), plain(t.App), plain(t.Environment))
	line("database", "%s", t.Target)
	line("migration", "sha256 %s", short(t.Migration.SHA256))
	for _, u := range units {
		line("", "%s", unitLine(u, standing))
	}
	if m.Command.Commanded() {
		commandView(line, m)
	}
	if h, err := engine.Recall[step.ToolRead](plan.Proofs); err == nil && !h.Empty() {
		line("history", "%s", h)
	}
	if r, err := engine.Recall[step.Reviewed](plan.Proofs); err == nil && m.Command.Commanded() {
		line("answered", "%s", answered(r))
	} else if err == nil {
		line("review", "%s", r)
	}
	if c, err := engine.Recall[step.Checked](plan.Proofs); err == nil && c.Database != nil {
		for i, n := range c.Database.Notes {
			line(map[bool]string{true: "note"}[i == 0], "%s", n)
		}
	}
	line("backup", "%s", backupLine(m))
	if quiets(t) {
		line("writers", "%s", writersLine)
	}
	if r := rehearsed(t); r != "" {
		line("rehearsal", "%s", r)
	}
	if m.Again != "" {
		line("AGAIN", "it was applied before; once more because: %s", m.Again)
	}
	line("approval", "%s", t.Approval)
	line("fingerprint", "%s", fingerprint)
	return nil
}

// commandView says what a migration by command cannot promise, before anybody says yes.
func commandView(line func(string, string, ...any), m assemble.Migration) {
	line("command", "%s", m.Command.Line())
	line("", "%d files are bound to it; nobody has read the SQL that it will run, and it is not rehearsed", len(m.Command.Files))
	line("", "that it runs exactly once cannot be proved: when its end is not seen, the outcome is unknown and a person must look")
}

// answered is who answers for a command.
func answered(r step.Reviewed) string {
	if len(r.Waived) == 0 {
		return "by nobody"
	}
	w := r.Waived[0]
	return fmt.Sprintf("by %s until %s: %s", w.By, w.Until, w.Reason)
}

// unitLine is one unit: how it is applied, what it is, and whether it is in place.
func unitLine(u sqltext.Unit, s assemble.Standing) string {
	text := unitText(u)
	if u.Index >= len(s.Units) {
		return text
	}
	switch one := s.Units[u.Index]; one.State {
	case string(apply.Applied):
		text += fmt.Sprintf("  (in place, by run %s)", one.Run)
	case "begun":
		text += fmt.Sprintf("  (begun by run %s; the catalog will be asked)", one.Run)
	}
	return text
}

func backupLine(m assemble.Migration) string {
	if m.NoBackup != "" {
		return "NONE, because: " + m.NoBackup
	}
	return "taken, read back and compared before anything is applied"
}

func (a *app) migrateStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [FILE]",
		Short: "Which migrations are applied, by which run, when",
		Long: `Reads the markers that fairlead keeps in the database, and the names that the ledger knows. With FILE: its units. "unknown" is a
statement outside a transaction that was begun and whose end was not marked: fairlead resume, or migrate apply, asks the catalog.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			if len(given) == 1 {
				return runMigrationStatus(c.Context(), a, given[0])
			}
			return runMigrateStatus(c.Context(), a)
		},
	}
}

// runMigrateStatus lists everything that was ever applied.
func runMigrateStatus(ctx context.Context, a *app) error {
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	pasts, err := p.Pasts(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(append([]assemble.Past{}, pasts...))
		return nil
	}
	if len(pasts) == 0 {
		a.answer("fairlead has applied nothing to this database")
		return nil
	}
	rows := [][]string{{"MIGRATION", "SHA256", "STATE", "UNITS", "APPLIED", "BY RUN"}}
	for _, m := range pasts {
		name := or(m.File, "(not named by this ledger)")
		if m.Again {
			name += " (again)"
		}
		of := fmt.Sprint(m.Units)
		if m.Of > 0 {
			of = fmt.Sprintf("%d of %d", m.Units, m.Of)
		}
		rows = append(rows, []string{name, short(m.Migration), string(m.State), of, clock(m.At), m.Run})
	}
	fmt.Fprint(a.Out, table(rows))
	return nil
}

// migrationStatus is what migrate status FILE --json prints.
type migrationStatus struct {
	File string `json:"file"`
	assemble.Standing
}

// runMigrationStatus tells what of one file is in place.
func runMigrationStatus(ctx context.Context, a *app, path string) error {
	m, err := a.migration(migrateOptions{file: path})
	if err != nil {
		return err
	}
	_, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	s, err := p.Standing(ctx, m)
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(migrationStatus{m.File, s})
		return nil
	}
	a.answer("%s, sha256 %s: %s%s", m.File, short(s.SHA256), s.State, because(s.Why))
	if s.Tool != nil && !s.Tool.Empty() {
		a.answer("%s: %s", s.Tool.Tool, s.Tool.Says)
	}
	rows := [][]string{}
	for _, u := range s.Units {
		row := []string{fmt.Sprintf("unit %d", u.Unit), howApplied(sqltext.UnitKind(u.Kind)), u.State, ""}
		if u.Run != "" {
			row[3] = fmt.Sprintf("run %s, %s", u.Run, clock(u.At))
		}
		rows = append(rows, row)
	}
	fmt.Fprint(a.Out, table(rows))
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}
