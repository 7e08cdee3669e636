package text

import (
	"flag"
	"os"
	"strings"
	"testing"

	"fairlead/internal/engine"
	"fairlead/internal/ui/uitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestScreen_writes_one_timed_line_per_event(t *testing.T) {
	for name, events := range map[string][]engine.Event{"deployed": uitest.Deployed(), "asking": uitest.Asking()} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			s := New(&b)
			for _, e := range events {
				s.Observe(e)
			}
			golden := "testdata/" + name + ".txt"
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
			if strings.ContainsRune(b.String(), 0x1b) {
				t.Error("there is an escape sequence in it")
			}
		})
	}
}
