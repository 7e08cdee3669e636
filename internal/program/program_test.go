package program

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mark is that of this test in this run of it.
func mark(t *testing.T) string { return fmt.Sprintf("%s-%d", t.Name(), os.Getpid()) }

// shell starts a script with the mark of the test.
func shell(t *testing.T, script string, more func(*Spec)) (*Process, func() []string) {
	t.Helper()
	said := make(chan string, 1000)
	s := Spec{Argv: []string{"/bin/sh", "-c", script}, Dir: t.TempDir(), Env: os.Environ(), Mark: mark(t),
		Say: func(l string) { said <- l }}
	if more != nil {
		more(&s)
	}
	p, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Sweep)
	return p, func() []string {
		select {
		case <-p.Done():
		case <-time.After(20 * time.Second):
			t.Fatal("it does not end")
		}
		close(said)
		var all []string
		for l := range said {
			all = append(all, l)
		}
		return all
	}
}

func TestStart_tells_and_keeps_the_output_without_secrets(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, lines := shell(t, `echo "url=$URL"; printf 'no end'; echo >&2; printf last; exit 3`, func(s *Spec) {
		s.Env, s.Secrets, s.Log = append(s.Env, "URL=postgres://u:hunter2@h/d"),
			[]string{"postgres://u:hunter2@h/d", "hunter2", ""}, log
	})
	if got := lines(); !slices.Equal(got, []string{"url=***", "no end", "last"}) {
		t.Errorf("told %q", got)
	}
	if status, signal, lost := p.Ended(); status != 3 || signal != "" || lost != nil {
		t.Errorf("ended with %d %q %v", status, signal, lost)
	}
	b, err := os.ReadFile(log)
	st, _ := os.Stat(log)
	if err != nil || strings.Contains(string(b), "hunter2") || !strings.Contains(string(b), "url=***\n") ||
		st.Mode().Perm() != 0o600 {
		t.Errorf("kept with mode %v: %q, %v", st.Mode(), b, err)
	}
}

func TestStop_ends_the_whole_group_also_what_ignores_the_polite_signal(t *testing.T) {
	p, lines := shell(t, `trap "" TERM; (trap "" TERM; sleep 60) & echo ready; sleep 60`, nil)
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	p.Stop(200 * time.Millisecond)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := lines(); !slices.Equal(got, []string{"ready"}) {
		t.Errorf("told %q", got)
	}
	if _, signal, _ := p.Ended(); signal != "killed" {
		t.Errorf("ended by %q", signal)
	}
}

func TestStart_says_when_there_is_no_such_program(t *testing.T) {
	if _, err := Start(Spec{Argv: []string{"./none"}, Dir: t.TempDir()}); err == nil ||
		!strings.Contains(err.Error(), "./none") {
		t.Errorf("got %v", err)
	}
}

func TestEnded_well_does_not_hide_what_is_still_at_work_in_the_background(t *testing.T) {
	for script, well := range map[string]bool{"(sleep 60; echo migrated) & exit 0": false,
		"sleep 60 >/dev/null 2>&1 </dev/null & exit 0": true, "exit 0": true} {
		p, err := start(Spec{Argv: []string{"/bin/sh", "-c", script}, Dir: t.TempDir(), Mark: mark(t)},
			200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		p.Sweep()
		if status, signal, lost := p.Ended(); status != 0 || signal != "" || (lost == nil) != well {
			t.Errorf("%s: %d %q %v", script, status, signal, lost)
		}
	}
}
