// Package ui holds how things are written for people, whatever the screen: durations, bytes, foreign text and the three
// parts of a fault. The screens stand in the folders below; each observes the events of a run and none can fail it.
// Start with Fault.
package ui

import (
	"fmt"
	"strings"
	"time"

	"fairlead/internal/fault"
)

// Duration writes a time as people say it: 340 ms, 3.4 s, 42 s, 2 min 05 s, 1 h 04 min.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < 995*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	s := int64(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	m := s / 60
	return fmt.Sprintf("%d h %02d min", m/60, m%60)
}

// Clock writes a time to the second.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Ago writes how long something is past, in the two largest units.
func Ago(now, then time.Time) string {
	d := max(now.Sub(then), 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return d.String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

// Bytes writes a size in powers of a thousand: 812 B, 1.2 kB, 109 MB, 2.1 GB.
func Bytes(n int64) string {
	if n < 0 {
		return "unknown size"
	}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		f /= 1000
		if f < 9.95 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
		if f < 999.5 || unit == "EB" {
			return fmt.Sprintf("%.0f %s", f, unit)
		}
	}
	return "unknown size"
}

// Progress writes what a working step says, with what is done of how much; amounts above a million are bytes.
func Progress(text string, done, total int64) string {
	text = Clean(text)
	switch {
	case total > 1_000_000:
		text += fmt.Sprintf(" (%s of %s)", Bytes(done), Bytes(total))
	case total > 0:
		text += fmt.Sprintf(" (%d of %d)", done, total)
	case done > 1_000_000:
		text += fmt.Sprintf(" (%s)", Bytes(done))
	}
	return strings.TrimSpace(text)
}

// Why gives the one sentence about how something ended: what a fault says happened, else what was recorded, else the
// error.
func Why(recorded string, err error) string {
	if f, ok := fault.Find(err); ok {
		return Clean(f.Error())
	}
	if recorded == "" && err != nil {
		return Clean(err.Error())
	}
	return Clean(recorded)
}
