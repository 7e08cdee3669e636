package dir

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// BenchmarkRuns_of_10000 lists the history of 10,000 runs from the index.
func BenchmarkRuns_of_10000(b *testing.B) {
	path := b.TempDir()
	segments := filepath.Join(path, "segments")
	if err := os.MkdirAll(segments, 0o770); err != nil {
		b.Fatal(err)
	}
	var head chain.Hash
	at := time.Date(2026, 11, 24, 20, 30, 15, 0, time.UTC)
	rec := func(run engine.RunID, v engine.Verdict, evidence any) engine.Record {
		raw, err := json.Marshal(evidence)
		if err != nil {
			b.Fatal(err)
		}
		return engine.Record{Schema: engine.RecordSchema, Prev: head, ID: string(run) + string(v), At: at, Run: run,
			Verdict: v, Evidence: raw}
	}
	opening := engine.Opening{Terms: engine.Terms{Action: engine.Deploy, Tag: "v1.41.0"},
		Holder: engine.Holder{Name: "ana@laptop"}, Approvals: engine.Approvals{{By: "lea"}}}
	for i := range 10_000 {
		run := engine.RunID(fmt.Sprintf("r-20261124-%06d-7f3a", i))
		var file []byte
		for _, v := range []engine.Verdict{engine.Opened, engine.Closed} {
			var evidence any = opening
			if v == engine.Closed {
				evidence = engine.Closing{Run: run, Outcome: fault.Deployed, Means: "production runs v1.41.0"}
			}
			line, err := rec(run, v, evidence).Line()
			if err != nil {
				b.Fatal(err)
			}
			file, head = append(append(file, line...), '\n'), chain.Sum(line)
		}
		if err := os.WriteFile(filepath.Join(segments, fmt.Sprintf("%08d-%s.jsonl", i+1, run)), file,
			0o660); err != nil {
			b.Fatal(err)
		}
	}
	l := Open(path)
	if _, err := l.Append(b.Context(), head, rec("r-last", engine.Opened, opening)); err != nil {
		b.Fatal(err)
	}
	for _, limit := range []int{0, 20} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Runs(b.Context(), limit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
