package view

import (
	"cmp"
	"fmt"
	"strings"

	"fairlead/internal/applied"
	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
	"fairlead/internal/ui"
)

// A MigrationPlan is what a person reads before saying yes to a migration alone.
type MigrationPlan struct {
	Plan
	Standing applied.Status `json:"standing"`
	Asked    step.Migration `json:"-"`
}

// Text is the page for people.
func (p MigrationPlan) Text() string {
	t, m, out := p.Terms, p.Asked, sheet{indent: "  ", width: 12}
	out.line("plan: apply %s to %s in %s", m.File, t.App, t.Environment)
	out.field("database", "%s", t.Target)
	out.field("migration", "sha256 %.12s", t.Migration.SHA256)
	for _, u := range p.Units {
		out.field("", "%s", unitStanding(u, p.Standing))
	}
	if m.Command.Commanded() {
		out.field("command", "%s", m.Command.Line())
		out.field("", "%d files are bound to it; %s", len(m.Command.Files), commandUnread)
		out.field("", "%s", commandUnproved)
	}
	if h, err := engine.Recall[step.ToolRead](p.Proofs); err == nil && !h.Empty() {
		out.field("history", "%s", h)
	}
	if r, err := engine.Recall[step.Reviewed](p.Proofs); err == nil && m.Command.Commanded() {
		out.field("answered", "%s", answered(r))
	} else if err == nil {
		out.field("review", "%s", r)
	}
	if c, err := engine.Recall[step.Checked](p.Proofs); err == nil && c.Database != nil {
		out.fields("note", c.Database.Notes)
	}
	if m.NoBackup != "" {
		out.field("backup", "NONE, because: %s", m.NoBackup)
	} else {
		out.field("backup", "taken, read back and compared before anything is applied")
	}
	if stopsWriters(t) {
		out.field("writers", "%s", writersStopped)
	}
	if rehearses(t) {
		out.field("rehearsal", "%s", rehearsalPlanned)
	}
	if m.Again != "" {
		out.field("AGAIN", "it was applied before; once more because: %s", m.Again)
	}
	out.field("approval", "%s", t.Approval)
	out.field("fingerprint", "%s", p.Fingerprint)
	return out.String()
}

// answered is who answers for a command.
func answered(r step.Reviewed) string {
	if len(r.Waived) == 0 {
		return "by nobody"
	}
	w := r.Waived[0]
	return fmt.Sprintf("by %s until %s: %s", w.By, w.Until, w.Reason)
}

// unitStanding is one unit: how it is applied, what it is, and whether it is in place.
func unitStanding(u sqltext.Unit, s applied.Status) string {
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

// Migrations are all migrations that were ever applied.
type Migrations []applied.Entry

// Text is the page for people.
func (all Migrations) Text() string {
	if len(all) == 0 {
		return "fairlead has applied nothing to this database\n"
	}
	rows := [][]string{{"MIGRATION", "SHA256", "STATE", "UNITS", "APPLIED", "BY RUN"}}
	for _, m := range all {
		name := cmp.Or(m.File, "(not named by this ledger)")
		if m.Again {
			name += " (again)"
		}
		units := fmt.Sprint(m.Units)
		if m.Of > 0 {
			units = fmt.Sprintf("%d of %d", m.Units, m.Of)
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.12s", m.Migration), string(m.State), units, ui.Clock(m.At),
			m.Run})
	}
	return ui.Table(rows)
}

// A MigrationStatus is what of one migration is in place.
type MigrationStatus struct {
	File string `json:"file"`
	applied.Status
}

// Text is the page for people.
func (s MigrationStatus) Text() string {
	var out sheet
	because := ""
	if s.Why != "" {
		because = " (" + s.Why + ")"
	}
	out.line("%s, sha256 %.12s: %s%s", s.File, s.SHA256, s.State, because)
	if s.Tool != nil && !s.Tool.Empty() {
		out.line("%s: %s", s.Tool.Tool, s.Tool.Says)
	}
	rows := [][]string{}
	for _, u := range s.Units {
		row := []string{fmt.Sprintf("unit %d", u.Unit), howApplied(sqltext.UnitKind(u.Kind)), u.State, ""}
		if u.Run != "" {
			row[3] = fmt.Sprintf("run %s, %s", u.Run, ui.Clock(u.At))
		}
		rows = append(rows, row)
	}
	return out.String() + ui.Table(rows)
}

// A Rehearsal tells a person what to expect.
type Rehearsal struct {
	File string `json:"-"`
	step.Rehearsed
}

// Text is the page for people.
func (e Rehearsal) Text() string {
	out := sheet{width: 12, clean: true}
	out.field("rehearsed", "%s, on %s", e.File, e.Copy.Where)
	restored := seconds(e.Copy.Restored)
	if e.Copy.Counted {
		out.field("restored", "%s: %d tables, %d rows, equal to the backup (%s), %s",
			e.Backup, e.Copy.Tables, e.Copy.Rows, e.Level, restored)
	} else {
		out.field("restored", "the schema of %s alone, %s: nothing is known of the data, and no duration means "+
			"anything", e.Backup, restored)
	}
	rows := [][]string{{"UNIT", "LINE", "TAKES", "REWRITES", "BUILDS INDEXES ON", "LOCKS THAT STOP OTHERS"}}
	list := func(all []string) string { return cmp.Or(ui.Clean(strings.Join(all, ", ")), "-") }
	for _, u := range e.Units {
		rows = append(rows, []string{fmt.Sprint(u.Unit + 1), fmt.Sprint(u.Line), seconds(u.Milliseconds),
			list(u.Rewrites), list(u.Builds), list(u.Locks)})
	}
	out.line("\n%s", ui.Table(rows))
	out.field("second run", "%s", cmp.Or(e.Again, "goes through"))
	for _, d := range e.Differ {
		out.field("DIFFERS", "%s", d)
	}
	if t := e.Copy.OldOnNew; t != nil {
		out.field("old on new", "%s", cmp.Or(t.Fails, "passed: the version that runs now works on the new schema"))
	}
	if t := e.Copy.NewOnOld; t != nil {
		out.field("new on old", "%s", cmp.Or(t.Fails, "passed: the new version works on the old schema"))
	}
	for _, n := range e.Copy.Notes {
		out.field("note", "%s", n)
	}
	return out.String()
}
