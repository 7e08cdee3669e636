package main

import (
	"fmt"
	"slices"
	"time"
)

// report prints medians and their ratio, as a Markdown table.
func report(both []*contender) {
	a, b := both[0], both[1]
	fmt.Printf("| a whole release, median of %d | %s | %s | ratio |\n|---|---|---|---|\n", len(a.seen), a.name, b.name)
	row("wall time", a, b, func(f figures) float64 { return f.wall.Seconds() }, "%.1f s")
	row("failed requests at 200/s", a, b, func(f figures) float64 { return float64(f.load.Failed) }, "%.0f")
	row("longest gap", a, b, func(f figures) float64 {
		return f.load.LongestGap.Round(10 * time.Millisecond).Seconds()
	}, "%.2f s")
}

func row(name string, a, b *contender, value func(figures) float64, format string) {
	x, y := median(a.seen, value), median(b.seen, value)
	ratio := "–"
	if x > 0 {
		ratio = fmt.Sprintf("%.2f", y/x)
	}
	fmt.Printf("| %s | "+format+" | "+format+" | %s |\n", name, x, y, ratio)
}

func median(all []figures, value func(figures) float64) float64 {
	var v []float64
	for _, f := range all {
		v = append(v, value(f))
	}
	slices.Sort(v)
	return v[len(v)/2]
}
