package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

func TestWholeVariable_is_the_name_that_a_whole_image_is(t *testing.T) {
	for image, want := range map[string]string{
		"${API_IMAGE}": "API_IMAGE", "${API_IMAGE:-nginx:1}": "API_IMAGE", "${A-b}": "A", "${A:?set it}": "A", "${A?x}": "A", "$API_IMAGE": "API_IMAGE",
		"nginx": "", "nginx:${TAG}": "", "${REPO}/api:${TAG}": "", "${REPO}:1": "", "$A:1": "", "${}": "", "${1A}": "", "": "", "$$A": "", "${A:+b}": "",
		"${A:-${B}}": "",
	} {
		if got := wholeVariable(image); got != want {
			t.Errorf("%q gives %q, want %q", image, got, want)
		}
	}
}

func TestPlain_keeps_text_and_drops_what_moves_a_cursor(t *testing.T) {
	if got := plain("a\x1b[2Jb\rc\u202ed\ne\tf\u009bg"); got != "a[2Jbcd\ne\tfg" {
		t.Errorf("got %q", got)
	}
}

func TestDecider_takes_the_flag_the_word_or_nobody(t *testing.T) {
	person := func(typed string) *app {
		return &app{Edge: Edge{In: strings.NewReader(typed), Err: io.Discard, Terminal: true, User: "ana", Host: "laptop"}}
	}
	nobody := &app{Edge: Edge{In: strings.NewReader("v1\n"), Err: io.Discard, User: "ana", Host: "ci"}}
	for claim, c := range map[string]struct {
		d    decider
		word string
		yes  bool
		how  string
		err  error
	}{
		"the flag says yes without a terminal": {decider{app: nobody, yes: true}, "v1", true, "--yes", nil},
		"nobody is there":                      {decider{app: nobody}, "v1", false, "", decide.ErrNobody},
		"the word is typed":                    {decider{app: person(" v1 \n")}, "v1", true, "typed at a terminal", nil},
		"the word without a line end counts":   {decider{app: person("v1")}, "v1", true, "typed at a terminal", nil},
		"yes is not the word":                  {decider{app: person("yes\n")}, "v1", false, "typed at a terminal", nil},
		"yes is the word where none is asked":  {decider{app: person("yes\n")}, "", true, "typed at a terminal", nil},
		"an empty line is no":                  {decider{app: person("\n")}, "", false, "typed at a terminal", nil},
		"the end of the input is no":           {decider{app: person("")}, "", false, "typed at a terminal", nil},
	} {
		a, err := c.d.Decide(context.Background(), decide.Question{Text: "?", Word: c.word})
		if !errors.Is(err, c.err) || a.Yes != c.yes || a.How != c.how {
			t.Errorf("%s: got %+v, %v", claim, a, err)
		}
	}
}

func TestDecider_stops_waiting_when_it_is_interrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := decider{app: &app{Edge: Edge{In: r, Err: io.Discard, Terminal: true}}}
	if _, err := d.Decide(ctx, decide.Question{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestInterruptible_cancels_first_and_leaves_at_the_second(t *testing.T) {
	for acting, want := range map[bool]int{true: 7, false: 1} {
		signals, left := make(chan os.Signal, 2), make(chan int, 1)
		var said bytes.Buffer
		edge := Edge{Err: &said, Acting: new(atomic.Bool)}
		ctx := edge.Interruptible(context.Background(), signals, func(code int) { left <- code })
		if ctx.Err() != nil {
			t.Fatal("cancelled before any signal")
		}
		edge.Acting.Store(acting)
		signals <- syscall.SIGINT
		<-ctx.Done()
		select {
		case code := <-left:
			t.Fatalf("left with %d at the first signal", code)
		case <-time.After(20 * time.Millisecond):
		}
		signals <- syscall.SIGINT
		if code := <-left; code != want {
			t.Errorf("acting %v: left with %d, want %d", acting, code, want)
		}
		if strings.Contains(said.String(), "fairlead resume") != acting {
			t.Errorf("acting %v: it says\n%s", acting, said.String())
		}
	}
}

func TestServicesOf_reads_merges_and_survives_bombs(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for claim, c := range map[string]struct{ file, want string }{
		"a merge":                   {"x: &b {image: '${B}'}\nservices:\n  api: {<<: *b, image: '${A}'}\n  worker:\n    <<: *b\n", "api=A worker=B"},
		"a list of merges":          {"x: &b {y: 1}\nz: &c {image: '${C}'}\nservices:\n  api:\n    <<: [*b, *c]\n", "api=C"},
		"an alias for a service":    {"services:\n  api: &a {image: '${A}'}\n  web: *a\n", "api=A web=A"},
		"a merge of itself":         {"services:\n  api: &a\n    <<: *a\n", "api="},
		"a bomb":                    {bomb + "services: {api: {image: '${A}', x: *a8}}\n", "api=A"},
		"brackets without end":      {"services: " + strings.Repeat("[", 100_000), "error"},
		"list markers without end":  {"services:\n  " + strings.Repeat("- ", 50_000) + "a\n", "error"},
		"bytes that are no text":    {"services: \xff\xfe", "error"},
		"services that are no list": {"services: 5\n", ""},
		"a service without fields":  {"services: {api: , web: 3}\n", "api= web="},
		"nothing":                   {"", ""},
	} {
		all, err := servicesOf([]byte(c.file))
		var got []string
		for _, s := range all {
			got = append(got, s.name+"="+s.variable)
		}
		if err != nil {
			got = []string{"error"}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s gives %q (%v), want %q", claim, strings.Join(got, " "), err, c.want)
		}
	}
}

func TestProcessAlive_tells_this_process_a_dead_one_and_a_foreign_one(t *testing.T) {
	me := processName("here", os.Getpid())
	if alive, known := processAlive("here", me); !alive || !known {
		t.Errorf("this process: alive %v, known %v (%s)", alive, known, me)
	}
	if _, known := processAlive("elsewhere", me); known {
		t.Error("a process of another machine is known")
	}
	if alive, _ := processAlive("here", me+"9"); alive {
		t.Error("a later process with the same pid counts as the old one")
	}
	child := exec.Command("true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	name := processName("here", child.Process.Pid)
	_ = child.Wait()
	if alive, known := processAlive("here", name); alive || !known {
		t.Errorf("a dead process: alive %v, known %v", alive, known)
	}
	for _, s := range []string{"", "here", "here/x/y", "here/-1/y", "here/0/"} {
		if alive, _ := processAlive("here", s); alive {
			t.Errorf("%q is alive", s)
		}
	}
}

func TestBrief_says_when_the_old_image_cannot_live_with_the_new_schema(t *testing.T) {
	img := release.Image{Service: "api", Repo: "r", Digest: release.SumDigest([]byte("old"))}
	b := briefing{Now: time.Now(), Lead: "lin", Previous: "v1", Ending: engine.Ending{Open: true, Step: "health", Err: errors.New("boom\x1b[2J"), Proofs: engine.Proofs{},
		Opening: engine.Opening{Terms: engine.Terms{Action: engine.Deploy, Tag: "v2", Baseline: []release.Image{img}, Migration: &release.Migration{File: "m.sql"}}}}}
	for compat, want := range map[sqlreview.Compatibility]string{"compatible": "found the old images compatible", "incompatible": "INCOMPATIBLE", "unknown": "is unknown", "conditional": "on conditions"} {
		_ = b.Ending.Proofs.Add(step.Migrated{Here: 1, Units: 1})
		b.Since = since{Migrations: []passed{{"v2", "r-1", compat}}}
		if got := brief(b); !strings.Contains(got, want) {
			t.Errorf("%s: the brief does not say %q:\n%s", compat, want, got)
		}
	}
	_ = b.Ending.Proofs.Add(step.Migrated{Here: 0, Units: 1, By: "r-0"})
	b.Since = since{}
	if got := brief(b); !strings.Contains(got, "the schema is unchanged since the old images ran, so") || strings.ContainsRune(got, 0x1b) {
		t.Errorf("a migration that was in place already:\n%q", got)
	}
	b.Ending.Opening.Terms.Baseline = nil
	if got := brief(b); !strings.Contains(got, "there is nothing to go back to") || strings.Contains(got, "fairlead rollback") {
		t.Errorf("a first deployment offers a rollback:\n%s", got)
	}
}

func TestSince_judges_all_migrations_together(t *testing.T) {
	m := func(judged ...sqlreview.Compatibility) since {
		var s since
		for i, c := range judged {
			s.Migrations = append(s.Migrations, passed{fmt.Sprintf("v%d", 9-i), "r-1", c})
		}
		return s
	}
	for want, s := range map[string]since{
		"the schema is unchanged since":                                                  m(),
		"compatible with the new schema after 2 migrations":                              m("compatible", "compatible"),
		"on conditions after 3 migrations (v8 is conditional): read fairlead show r-1":   m("compatible", "conditional", "compatible"),
		"INCOMPATIBLE with the new schema after 2 migrations (v9 is conditional, v8 is ": m("conditional", "incompatible"),
		"is unknown after 2 migrations (v8 is unknown)":                                  m("compatible", "unknown"),
		"is unknown: nobody wrote it down":                                               {Gap: "nobody wrote it down"},
	} {
		if got := s.String(); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
