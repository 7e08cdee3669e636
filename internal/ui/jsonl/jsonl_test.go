package jsonl

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"fairlead/internal/ui/uitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestObserver_writes_one_object_per_event(t *testing.T) {
	var b strings.Builder
	o := New(&b)
	events := append(uitest.Deployed(), uitest.Asking()...)
	for _, e := range events {
		o(e)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != len(events) {
		t.Errorf("%d lines for %d events", len(lines), len(events))
	}
	for _, l := range lines {
		var h struct{ Schema, Event string }
		if err := json.Unmarshal([]byte(l), &h); err != nil || h.Schema != Schema || h.Event == "" ||
			h.Event == "unknown" {
			t.Errorf("%s: %v", l, err)
		}
	}
	const golden = "testdata/events.jsonl"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
