// Package cli is the command line: one file per command, each a function over an app and its options. It asks people, prints answers
// to standard output and the story to standard error, and turns every ending into an exit status. It decides nothing about
// production. Start with Execute, then deploy.go; exit.go holds how an error ends.
package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/step"
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
	Open     func(config.Config, assemble.Options) (Project, error)
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
		Acting: new(atomic.Bool), Open: openProject,
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
	noteIn     string        // folder for the note about a migration that was refused; "" for commands that write nothing
}

// holder names who deploys. Until something proves it, the name is only claimed.
func (a *app) holder() engine.Holder {
	return engine.Holder{Name: a.User + "@" + a.Host, How: "claimed (OS user)", Process: a.Process}
}

// say prints one line of the story.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.Err, plain(fmt.Sprintf(format, args...)))
}

// answer prints one line of the answer.
func (a *app) answer(format string, args ...any) {
	fmt.Fprintln(a.Out, plain(fmt.Sprintf(format, args...)))
}

// plain takes control characters out of text that may come from outside, so that it cannot move a cursor or hide a line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return fmt.Sprintf("uid-%d", os.Getuid())
	}
	return u.Username
}
