package cli

import (
	"testing"

	"fairlead/internal/fence"
)

func TestMeans_says_a_thing_once(t *testing.T) {
	for _, c := range []struct{ step, engine, want string }{
		{"", "production is unchanged", "production is unchanged"},
		{"production is unchanged", "production is unchanged", "production is unchanged"},
		{"production is unchanged; no new container was started", "production is unchanged", "production is unchanged; no new container was started"},
		{"no service was touched", "production is unchanged", "no service was touched; production is unchanged"},
	} {
		if got := means(c.step, c.engine); got != c.want {
			t.Errorf("means(%q, %q): got %q, want %q", c.step, c.engine, got, c.want)
		}
	}
}

func TestTakenOver_names_the_run_that_followed(t *testing.T) {
	for by, want := range map[string]string{
		"r-1": "run r-1 was taken over by ben@desk (number 4)",
		"":    "run r-1 was taken over by ben@desk (number 4)",
		"r-2": "run r-1 was taken over and closed: run r-2 of ben@desk followed (number 4)",
	} {
		if got := takenOver("r-1", fence.Ticket{Run: by, Holder: "ben@desk", Number: 4}); got != want {
			t.Errorf("by %q: got %q, want %q", by, got, want)
		}
	}
}
