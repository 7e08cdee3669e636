package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/decide"
)

func TestFrontend_takes_the_flag_the_word_or_nobody(t *testing.T) {
	person := func(typed string) *app {
		return &app{Edge: Edge{In: strings.NewReader(typed), Err: io.Discard, Terminal: true, User: "ana",
			Host: "laptop"}}
	}
	nobody := &app{Edge: Edge{In: strings.NewReader("v1\n"), Err: io.Discard, User: "ana", Host: "ci"}}
	for claim, c := range map[string]struct {
		d    frontend
		word string
		yes  bool
		how  string
		err  error
	}{
		"the flag says yes without a terminal": {frontend{app: nobody, yes: true}, "v1", true, "--yes", nil},
		"nobody is there":                      {frontend{app: nobody}, "v1", false, "", decide.ErrNobody},
		"the word is typed": {frontend{app: person(" v1 \n")}, "v1", true, "typed at a terminal",
			nil},
		"the word without a line end counts": {frontend{app: person("v1")}, "v1", true, "typed at a terminal", nil},
		"yes is not the word": {frontend{app: person("yes\n")}, "v1", false, "typed at a terminal",
			nil},
		"yes is the word where none is asked": {frontend{app: person("yes\n")}, "", true, "typed at a terminal", nil},
		"an empty line is no":                 {frontend{app: person("\n")}, "", false, "typed at a terminal", nil},
		"the end of the input is no":          {frontend{app: person("")}, "", false, "typed at a terminal", nil},
	} {
		a, err := c.d.Decide(context.Background(), decide.Question{Text: "?", Word: c.word})
		if !errors.Is(err, c.err) || a.Yes != c.yes || a.How != c.how {
			t.Errorf("%s: got %+v, %v", claim, a, err)
		}
	}
}

func TestFrontend_stops_waiting_when_it_is_interrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := frontend{app: &app{Edge: Edge{In: r, Err: io.Discard, Terminal: true}}}
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
