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
	dump, verify := of(func(t turn) float64 { return t.took.Dump }), of(func(t turn) float64 { return t.took.Verify })
	whole := of(func(t turn) float64 { return t.whole })
	bytes, plainBytes := of(func(t turn) float64 { return float64(t.size) }), of(func(t turn) float64 { return float64(t.plainSize) })
	fmt.Printf("| a database of %.1f GB, median of %d | `pg_dump -Fc` | fairlead | ratio |\n|---|---|---|---|\n", float64(size)/1e9, len(all))
	fmt.Printf("| dump, hashed | %.1f s | %.1f s | %.2f |\n", plain, dump, dump/plain)
	fmt.Printf("| verification L2 | – | %.1f s | %.2f |\n", verify, verify/plain)
	fmt.Printf("| from start to exit, verified | – | %.1f s | %.2f |\n", whole, whole/plain)
	fmt.Printf("| size | %.1f MB | %.1f MB | %.2f |\n", plainBytes/1e6, bytes/1e6, bytes/plainBytes)
	fmt.Printf("| fairlead's own memory, most | – | %.0f MiB | |\n", of(func(t turn) float64 { return float64(t.memory) / 1024 }))
}
