package view

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/backups"
	"fairlead/internal/step"
	"fairlead/internal/ui"
)

// Backups are those that are kept, the newest first.
type Backups backups.Listing

// Text is the page for people.
func (all Backups) Text() string {
	if len(all.Backups) == 0 {
		return fmt.Sprintf("there is no backup in %s\n", all.Place)
	}
	rows := [][]string{{"BACKUP", "SNAPSHOT", "SIZE", "TABLES", "LEVEL", "KEPT AS", "RUN"}}
	for _, k := range all.Backups {
		row := []string{k.Name, ui.Clock(k.At), megabytes(k.Size), "-", "-", "-", "-"}
		if l := k.Label; l != nil {
			row = append(row[:3], fmt.Sprint(l.Tables), cmp.Or(l.Level, "-"), keptAs(*l), l.Run)
		}
		if k.Trouble != "" {
			row[len(row)-1] += "  NOT RELIABLE: " + k.Trouble
		}
		rows = append(rows, row)
	}
	return ui.Table(rows)
}

// Remarks are about the place.
func (all Backups) Remarks() []string {
	remarks := notes(all.Notes)
	if len(all.Backups) > 0 {
		remarks = append(remarks, "in "+all.Place)
	}
	return remarks
}

// notes marks sentences as such.
func notes(all []string) []string {
	var marked []string
	for _, n := range all {
		marked = append(marked, "note: "+n)
	}
	return marked
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
	return cmp.Or(strings.Join(how, ", "), "plain")
}

// A TakenBackup is one that was taken outside of a run.
type TakenBackup step.BackedUp

// Text is the page for people.
func (b TakenBackup) Text() string {
	var out sheet
	m := b.Manifest
	out.line("%s", ui.Clean(step.BackedUp(b).String()))
	out.line("in %s; dump %.1f s, verification %.1f s; snapshot of %s at %s", b.Place, m.Took.Dump,
		m.Took.Verify+m.Took.Restore, ui.Clock(m.Snapshot), m.LSN)
	if m.Globals != nil {
		for _, missing := range m.Globals.Missing {
			out.line("not in it: %s", missing)
		}
	}
	return out.String()
}

// A VerifiedBackup is one that was read back.
type VerifiedBackup backups.Verified

// Text is the page for people.
func (v VerifiedBackup) Text() string {
	m := v.Manifest
	var out sheet
	proved := "it reads back whole; contents and rows are those of its snapshot"
	if v.Level == step.L1 {
		proved = "what the store holds is what was written"
	}
	out.line("%s: %s (%s)", m.Name, proved, v.Level)
	recorded := "its run is not in the ledger"
	if v.Recorded {
		recorded = "as run " + m.Run + " recorded it"
	}
	out.line("%s, %d tables, snapshot of %s, sha256 %.12s…, %s", megabytes(m.Size), len(m.Tables), ui.Clock(m.Snapshot),
		m.SHA256, recorded)
	return out.String()
}

// Remarks are what it could not prove.
func (v VerifiedBackup) Remarks() []string { return notes(v.Notes) }

// PrunedBackups says which backups went and which stay, and why.
type PrunedBackups backups.Pruned

// Text is the page for people.
func (p PrunedBackups) Text() string {
	removed := "removed"
	if p.Dry {
		removed = "would go"
	}
	rows := [][]string{{"BACKUP", "SNAPSHOT", "SIZE", "", "WHY"}}
	add := func(name string, at time.Time, size int64, what, why string) {
		rows = append(rows, []string{name, ui.Clock(at), megabytes(size), what, why})
	}
	gone, freed := 0, int64(0)
	for _, j := range p.Judged {
		what := "stays"
		if !j.Stay {
			what, gone, freed = removed, gone+1, freed+j.Entry.Size
		}
		add(j.Entry.Name, j.Entry.At, j.Entry.Size, what, j.Why)
	}
	for _, o := range p.Leftover {
		add(o.Name, o.At, o.Size, removed, "left over by a writer that died")
		gone, freed = gone+1, freed+o.Size
	}
	var out sheet
	if len(rows) > 1 {
		out.WriteString(ui.Table(rows))
	}
	out.line("%d %s (%s), %d stay", gone, removed, megabytes(freed), len(rows)-1-gone)
	return out.String()
}

// A RestoredBackup says what is where, and the steps that are left to a person.
type RestoredBackup struct {
	backups.Restored
	Now time.Time `json:"-"`
}

// Text is the page for people.
func (r RestoredBackup) Text() string {
	var out sheet
	var rows int64
	for _, n := range r.Manifest.Tables {
		rows += n
	}
	out.line("restored %s: %d tables, %d rows, all as in its manifest, in %.1f s", r.Manifest.Name,
		len(r.Manifest.Tables), rows, r.Seconds)
	if r.Kept != "" {
		out.line("it is the live database %s now; what was live before is kept as %s, and backed up as %s", r.Into,
			r.Kept, r.Present)
		out.line("the way back:")
		out.renaming(r.Into, r.Kept, r.Into+"_restored")
		return out.String()
	}
	out.line("it is in %s; the live database %s is unchanged", r.Into, r.Database)
	out.line("\nto put it in the place of %s:", r.Database)
	out.line("  1. stop what writes to %s (the app and its workers)", r.Database)
	out.line("  2. fairlead backup create          keeps the present state, too")
	out.line("  3. fairlead backup restore %s --globals", r.Manifest.Name)
	out.line("     the last part are settings and grants of the database itself: run it with the new name, %s", r.Into)
	out.line("  4. psql -d postgres, as a superuser or the owner of both:")
	out.renaming(r.Database, r.Into, r.Database+"_before_"+r.Now.UTC().Format("20060102_1504"))
	out.line("  5. start the app; fairlead check")
	return out.String()
}

// renaming writes statements after which takes is called live, and live is called kept.
func (s *sheet) renaming(live, takes, kept string) {
	name := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	for _, statement := range []string{
		"ALTER DATABASE " + name(live) + " WITH ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (" + literal(live) + ", " +
			literal(takes) + ")",
		"BEGIN",
		"ALTER DATABASE " + name(live) + " RENAME TO " + name(kept),
		"ALTER DATABASE " + name(takes) + " RENAME TO " + name(live),
		"ALTER DATABASE " + name(kept) + " WITH ALLOW_CONNECTIONS true",
		"COMMIT",
	} {
		s.line("     %s;", statement)
	}
}
