package view

import (
	"cmp"
	"fmt"

	"fairlead/internal/step"
	"fairlead/internal/ui"
)

// A Check is what hosts, registry and database answered.
type Check step.Checked

// Text is the page for people.
func (c Check) Text() string {
	var out sheet
	rows := [][]string{{"HOST", "ENGINE", "COMPOSE", "PLATFORM", "FREE", "CLOCK", "SERVICES"}}
	for _, h := range c.Observation.Hosts {
		rows = append(rows, []string{h.Name, h.Engine, h.Compose, h.Platform, ui.Bytes(h.Free), ui.Duration(h.Skew),
			fmt.Sprint(len(h.Services))})
	}
	out.WriteString(ui.Table(rows))
	notes := func(all []string) {
		for _, n := range all {
			out.line("  note: %s", n)
		}
	}
	if d := c.Database; d != nil {
		out.line("database %s: PostgreSQL %s, pg_dump %s, %s, as %s", d.Database, d.Server, d.Dumper, ui.Bytes(d.Size),
			d.Role)
		notes(d.Notes)
	}
	if b := c.Backups; b != nil {
		out.line("backups: %s", b.Place)
		notes(b.Notes)
	}
	out.line("ledger: %s", cmp.Or(c.Ledger, "none yet; the first run makes it"))
	return out.String()
}
