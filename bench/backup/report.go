package main

import (
	"fmt"
	"slices"
)

// report prints medians and ratios as a Markdown table.
func report(gb int, size int64, all []turn) {
	of := func(value func(turn) float64) float64 {
		var v []float64
		for _, t := range all {
			v = append(v, value(t))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	plain := of(func(t turn) float64 { return t.plain })
	plainBytes := of(func(t turn) float64 { return float64(t.plainSize) })
	fmt.Printf("| a database of %.1f GB, median of %d | `pg_dump -Fc` | fairlead | ratio | `format: directory` | "+
		"ratio |\n|---|---|---|---|---|---|\n", float64(size)/1e9, len(all))
	row := func(what, unit, digits string, plain float64, shown string, value func(made) float64) {
		c, d := of(func(t turn) float64 { return value(t.custom) }),
			of(func(t turn) float64 { return value(t.directory) })
		fmt.Printf("| %s | %s | %"+digits+"f %s | %.2f | %"+digits+"f %s | %.2f |\n", what, shown, c, unit, c/plain, d,
			unit, d/plain)
	}
	row("dump, hashed", "s", ".1", plain, fmt.Sprintf("%.1f s", plain), func(m made) float64 { return m.took.Dump })
	row("verification L2", "s", ".1", plain, "–", func(m made) float64 { return m.took.Verify })
	row("from start to exit, verified", "s", ".1", plain, "–", func(m made) float64 { return m.whole })
	row("size", "MB", ".1", plainBytes/1e6, fmt.Sprintf("%.1f MB", plainBytes/1e6),
		func(m made) float64 { return float64(m.size) / 1e6 })
	fmt.Printf("| fairlead's own memory, most | – | %.0f MiB | | %.0f MiB | |\n",
		of(func(t turn) float64 { return float64(t.custom.memory) / 1024 }),
		of(func(t turn) float64 { return float64(t.directory.memory) / 1024 }))
}
