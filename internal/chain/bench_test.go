package chain

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// history writes runs of three records without waiting for the disk, then the index by one more opening.
func history(b *testing.B, runs int) *Dir {
	b.Helper()
	d := OpenDir(b.TempDir())
	d.Summarizer = Summarizer{Version: "1", Of: func(lines [][]byte, _ []byte) (json.RawMessage, error) {
		return json.RawMessage(
			`{"run":"r-20261124-203015-7f3a","action":"deploy","tag":"v1.41.0","opened":"2026-11-24T20:30:15Z",` +
				`"closed":"2026-11-24T20:31:15Z","outcome":"deployed","holder":"ana@laptop","approved":"lea",` +
				`"migrated":true,"step":"smoke","means":"production runs v1.41.0"}`), nil
	}}
	dir := filepath.Join(d.path, segmentsName)
	if err := os.MkdirAll(dir, 0o770); err != nil {
		b.Fatal(err)
	}
	var h Hash
	for i := range runs {
		run := fmt.Sprintf("r-20261124-%06d-7f3a", i)
		var file []byte
		for j, v := range []string{"opened", "began", "closed"} {
			l := line(h, fmt.Sprintf("%s-%d", run, j), run, v)
			file, h = append(append(file, l...), '\n'), Sum(l)
		}
		if err := os.WriteFile(filepath.Join(dir, newSegment(i+1, run).name), file, 0o660); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := d.Append(h, line(h, "last", "r-last", "opened")); err != nil {
		b.Fatal(err)
	}
	return d
}

func BenchmarkAppend(b *testing.B) {
	d := OpenDir(b.TempDir())
	h, err := d.Append("", line("", "a", "r", "opened"))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		run, verdict := fmt.Sprintf("r-%d", i/50), "noted"
		if i%50 == 0 {
			verdict = "opened"
		}
		if h, err = d.Append(h, line(h, fmt.Sprint(i), run, verdict)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend_behind_10000_runs(b *testing.B) {
	d := history(b, 10_000)
	_, h, _, err := d.Head()
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if h, err = d.Append(h, line(h, fmt.Sprint(i), "r-last", "noted")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHead_of_10000_runs(b *testing.B) {
	d := history(b, 10_000)
	for b.Loop() {
		if _, _, _, err := d.Head(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEntries_of_10000_runs(b *testing.B) {
	d := history(b, 10_000)
	for b.Loop() {
		if e, err := d.Entries(0); err != nil || len(e) != 10_001 {
			b.Fatal(len(e), err)
		}
	}
}

func BenchmarkEntries_20_of_10000_runs(b *testing.B) {
	d := history(b, 10_000)
	for b.Loop() {
		if _, err := d.Entries(20); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEntries_of_10000_runs_without_index(b *testing.B) {
	d := history(b, 10_000)
	os.Remove(filepath.Join(d.path, indexName))
	for b.Loop() {
		if _, err := d.Entries(0); err != nil {
			b.Fatal(err)
		}
	}
}
