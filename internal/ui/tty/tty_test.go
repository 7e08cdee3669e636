package tty

import (
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/ui"
	"fairlead/internal/ui/uitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// terminal keeps what a person would see: lines, of which \r and erase rewrite the last.
func seen(raw string) string {
	var lines []string
	for _, l := range strings.Split(raw, "\n") {
		if i := strings.LastIndex(l, "\r\x1b[2K"); i >= 0 {
			l = l[i+len("\r\x1b[2K"):]
		}
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return strings.Join(lines, "\n")
}

func draw(events []engine.Event, o Options) string {
	var b strings.Builder
	now := uitest.Start()
	o.Now = func() time.Time { now = now.Add(1100 * time.Millisecond); return now }
	s := newScreen(&b, o)
	for _, e := range events {
		s.Observe(e)
		s.tick()
	}
	return b.String()
}

func TestScreen_leaves_finished_steps_with_sign_and_time(t *testing.T) {
	for name, events := range map[string][]engine.Event{"deployed": uitest.Deployed(), "asking": uitest.Asking()} {
		t.Run(name, func(t *testing.T) {
			got := seen(draw(events, Options{}))
			golden := "testdata/" + name + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestScreen_shows_the_step_at_work_with_its_progress_and_time(t *testing.T) {
	events := uitest.Deployed()
	got := seen(draw(events[:4], Options{})) // until the first progress of prefetch
	want := "⠼ prefetch    ━━┄┄┄┄┄┄┄┄ api on app-1 (12 MB of 60 MB)"
	if !strings.Contains(got, want) || !strings.Contains(got, " s") {
		t.Errorf("got\n%s\nwant %s", got, want)
	}
}

func TestScreen_keeps_the_line_that_moves_on_one_line(t *testing.T) {
	for _, width := range []int{40, 60, 200} {
		for _, l := range strings.Split(draw(uitest.Deployed(), Options{Width: func() int { return width }}),
			"\r\x1b[2K") {
			if !strings.Contains(l, "\n") && ui.Width(l) >= width {
				t.Errorf("%d columns: %q has %d", width, l, ui.Width(l))
			}
		}
	}
}

func TestScreen_uses_colour_only_when_it_may(t *testing.T) {
	colour := func(s string) bool { return strings.Contains(s, "\x1b[32m✓") }
	if !colour(draw(uitest.Deployed(), Options{Colour: true})) || colour(draw(uitest.Deployed(), Options{})) {
		t.Error("the sign is coloured without permission, or not with it")
	}
}

// lines is a writer for two goroutines.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestScreen_is_silent_while_held_and_after_it_was_closed(t *testing.T) {
	w := &lines{}
	s := New(w, Options{Now: time.Now, Every: time.Millisecond})
	s.Observe(uitest.Deployed()[2])
	for end := time.Now().Add(10 * time.Second); strings.Count(w.String(), "prefetch") < 2 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	release := s.Hold()
	held := w.String()
	if strings.Count(held, "prefetch") < 2 || !strings.HasSuffix(held, "\r\x1b[2K") {
		t.Fatalf("the line did not move, or is not cleared: %q", held)
	}
	time.Sleep(20 * time.Millisecond)
	if w.String() != held {
		t.Error("something was drawn while held")
	}
	release()
	release()
	time.Sleep(20 * time.Millisecond)
	if w.String() == held {
		t.Error("nothing is drawn after the release")
	}
	s.Close()
	s.Close()
	closed := w.String()
	time.Sleep(20 * time.Millisecond)
	if w.String() != closed || !strings.HasSuffix(closed, "\r\x1b[2K") {
		t.Error("something is drawn after Close, or the last line stays")
	}
}
