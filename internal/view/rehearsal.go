package view

import (
	"cmp"
	"fmt"
	"strings"

	"fairlead/internal/step"
	"fairlead/internal/ui"
)

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
			"anything",
			e.Backup, restored)
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
