// Package program runs a team's own command: in a group of processes of its own, with its output kept in a file that
// nobody else can read and told line by line, without the secrets that it was given. It is no shell and knows nothing
// of migrations. Start with Start.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Spec is what to run.
type Spec struct {
	Argv []string
	Dir  string
	// Env: whole, NAME=value
	Env []string
	// Mark: stands in the environment as FAIRLEAD_RUN, by which Running finds what is left of it
	Mark string
	// Log: the file that keeps its output, made with mode 0600; "" keeps none
	Log string
	// Secrets: never told and never kept
	Secrets []string
	Say     func(line string)
}

// maxLog is how much output is kept, in bytes. More is counted and left out.
const maxLog = 64 << 20

// A Process is a command that was started.
type Process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
	err  error
}

// Start begins the command. When it gives an error, nothing was begun.
func Start(s Spec) (*Process, error) { return start(s, drain) }

// drain is how long the output of an ended command is read on while something that it started holds it.
const drain = 5 * time.Second

// errHeld tells that a command ended well while something that it started was still at work on its output.
var errHeld = errors.New("it ended with status 0, and something that it started still held its output")

func start(s Spec, drain time.Duration) (*Process, error) {
	out, err := newOutput(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...)
	cmd.Dir, cmd.Env = s.Dir, append(append([]string{}, s.Env...), markName+"="+s.Mark)
	// Ctrl-C reaches fairlead alone, which ends the whole group
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = out, out
	// a grandchild that keeps the pipe open is not waited for longer
	cmd.WaitDelay = drain
	if err := cmd.Start(); err != nil {
		out.close()
		return nil, fmt.Errorf("start %s: %w", s.Argv[0], err)
	}
	p := &Process{cmd: cmd, out: out, done: make(chan struct{})}
	// ends with the process
	go func() {
		p.err = cmd.Wait()
		out.close()
		close(p.done)
	}()
	return p, nil
}

// markName is the variable that marks a process and those that it starts.
const markName = "FAIRLEAD_RUN"

// PID gives the process id, which is the group's too.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the command has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says how it ended, once Done is closed: by an exit status, or by a signal (its name). lost is an error of
// waiting for it: its end was not seen, or it ended well and left something at work in the background.
func (p *Process) Ended() (status int, signal string, lost error) {
	state := p.cmd.ProcessState
	if state == nil {
		return 0, "", errors.Join(errors.New("its end was not seen"), p.err)
	}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 0, w.Signal().String(), nil
	}
	if state.ExitCode() == 0 && errors.Is(p.err, exec.ErrWaitDelay) {
		return 0, "", errHeld
	}
	return state.ExitCode(), "", nil
}

// Stop ends the whole group: politely, and after grace by force. It returns when the command has ended.
func (p *Process) Stop(grace time.Duration) {
	_ = syscall.Kill(-p.PID(), syscall.SIGTERM)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
	p.Sweep()
	<-p.done
}

// Sweep ends by force what is left of the group.
func (p *Process) Sweep() { _ = syscall.Kill(-p.PID(), syscall.SIGKILL) }

// output keeps and tells what a command says.
type output struct {
	mu      sync.Mutex
	file    *os.File
	kept    int
	secrets *strings.Replacer
	say     func(string)
	line    strings.Builder
	closed  bool
}

// maxLine is where a line without an end is cut.
const maxLine = 8 << 10

func newOutput(s Spec) (*output, error) {
	o := &output{say: s.Say}
	var pairs []string
	for _, secret := range s.Secrets {
		if len(secret) > 2 {
			pairs = append(pairs, secret, "***")
		}
	}
	o.secrets = strings.NewReplacer(pairs...)
	if s.Log == "" {
		return o, nil
	}
	f, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the output: %w", err)
	}
	o.file = f
	return o, nil
}

var _ io.Writer = (*output)(nil)

// Write takes output apart into lines. It never fails: a full disk must not stop a migration.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range b {
		if c == '\n' || o.line.Len() >= maxLine {
			o.flush()
		}
		if c != '\n' {
			o.line.WriteByte(c)
		}
	}
	return len(b), nil
}

func (o *output) flush() {
	line := o.secrets.Replace(o.line.String())
	o.line.Reset()
	if o.closed {
		return
	}
	if o.file != nil && o.kept < maxLog {
		n, _ := o.file.WriteString(line + "\n")
		o.kept += n
	}
	if o.say != nil && strings.TrimSpace(line) != "" {
		o.say(strings.TrimRight(line, "\r"))
	}
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.line.Len() > 0 {
		o.flush()
	}
	o.closed = true
	if o.file != nil {
		_ = o.file.Close()
	}
}

// maxSaid is how much of what a command says Run tells, in bytes: its end.
const maxSaid = 2 << 10

// Run runs a command to its end and gives nil when that is status 0 within the time. Its whole process group is ended
// with ctx and with the time. The error holds the end of what it said; the caller takes secrets out of it.
func Run(ctx context.Context, timeout time.Duration, environ, argv []string) error {
	if len(argv) == 0 {
		return errors.New("there is no command")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := ""
	p, err := Start(Spec{Argv: argv, Env: environ, Say: func(line string) {
		said += " " + line
		said = strings.ToValidUTF8(said[max(0, len(said)-maxSaid):], "?")
	}})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Sweep()
		<-p.Done()
	}
	status, signal, lost := p.Ended()
	switch {
	case status == 0 && signal == "" && (lost == nil || errors.Is(lost, errHeld)): // it may have started a service
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("did not end within %s", timeout)
	case ctx.Err() != nil:
		err = ctx.Err()
	case lost != nil:
		err = lost
	case signal != "":
		err = fmt.Errorf("was ended: %s", signal)
	default:
		err = fmt.Errorf("exit status %d", status)
	}
	if said = strings.TrimSpace(said); said != "" {
		return fmt.Errorf("%s: %w: %s", argv[0], err, said)
	}
	return fmt.Errorf("%s: %w", argv[0], err)
}
