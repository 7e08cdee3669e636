// Package cli is the command line: commands by noun, each a set of flags over what package operate does. It asks
// people, chooses a screen, prints pages to standard output and the story to standard error, and turns every ending
// into an exit status. Start with Execute, then session.go and deploy.go; exit.go holds how an error ends.
package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/operate"
	"fairlead/internal/step"
	"fairlead/internal/ui"
	"fairlead/internal/view"
)

// An Edge is everything that a command gets from the outside of the program.
type Edge struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) (string, bool)
	Now      func() time.Time
	Terminal bool // a person sits at In and Err
	User     string
	Host     string
	Process  string // names this process: host, pid and start
	Alive    func(process string) (alive, known bool)
	Acting   *atomic.Bool // a run is being opened or held by this process
	Open     func(config.Config, assemble.Options) (operate.Project, error)
}

// System gives the edge of the real program.
func System() Edge {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown-host"
	}
	return Edge{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, Now: time.Now,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
		User:     userName(), Host: host, Process: processName(host, os.Getpid()),
		Alive:  func(p string) (bool, bool) { return processAlive(host, p) },
		Acting: new(atomic.Bool), Open: operate.Open,
	}
}

// Execute runs one command and gives its exit status. args are those after the program's name.
func Execute(ctx context.Context, args []string, edge Edge) int {
	a := &app{Edge: edge}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(edge.In)
	root.SetOut(edge.Out)
	root.SetErr(edge.Err)
	err := root.ExecuteContext(ctx)
	return a.finish(ctx, err)
}

// app is one execution of the program: the edge and what the global flags said.
type app struct {
	Edge
	configPath string
	json       bool
	verbose    bool
	noColor    bool
	lines      *bufio.Reader // of In, once somebody was asked
	decided    step.Decision // a person's word on a command whose end is not known
	leadNote   bool          // a migration that was refused gets a note for the engineering lead
}

// holder names who deploys. Until something proves it, the name is only claimed.
func (a *app) holder() engine.Holder {
	return engine.Holder{Name: a.name(), How: "claimed (OS user)", Process: a.Process}
}

// say prints one line of the story.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.Err, ui.Plain(fmt.Sprintf(format, args...)))
}

// show prints a page: its text, or its value with --json.
func (a *app) show(p view.Page) {
	if a.json {
		a.printJSON(p)
		return
	}
	fmt.Fprint(a.Out, ui.Plain(p.Text()))
	if r, ok := p.(view.Remarked); ok {
		for _, remark := range r.Remarks() {
			a.say("%s", remark)
		}
	}
}

// answer prints one line of the answer.
func (a *app) answer(format string, args ...any) {
	fmt.Fprintln(a.Out, ui.Plain(fmt.Sprintf(format, args...)))
}

// name is who calls.
func (a *app) name() string { return a.User + "@" + a.Host }

func userName() string {
	u, err := user.Current()
	if err != nil {
		return fmt.Sprintf("uid-%d", os.Getuid())
	}
	return u.Username
}

// Interruptible gives a context that the first signal cancels, so that the current step finishes or stops safely. The
// second one says how to go on and leaves at once through exit: with Unknown once a run was opened or taken over, else
// with Misused. The goroutine that waits lives as long as the program.
func (e Edge) Interruptible(parent context.Context, signals <-chan os.Signal, exit func(int)) context.Context {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		s := <-signals
		fmt.Fprintf(e.Err, "\n%s: stopping at the next safe point; once more leaves at once\n", s)
		cancel()
		<-signals
		f := leftAtOnce(e.Acting.Load())
		fmt.Fprint(e.Err, "\n"+f.Text())
		exit(f.Outcome.Exit())
	}()
	return ctx
}

func leftAtOnce(acting bool) *fault.Fault {
	if !acting {
		return &fault.Fault{Code: "interrupted", What: "interrupted before anything was attempted",
			Outcome: fault.Misused, Means: "nothing was attempted; production is unchanged"}
	}
	return &fault.Fault{Code: "left-at-once", What: "left at once, in the middle of what was being done",
		Outcome: fault.Unknown,
		Means:   "it is not known whether production is changed; what runs on the hosts goes on by itself",
		Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"},
			{Line: "fairlead resume", Why: "finds out and goes on"}}}
}
