package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"fairlead/internal/wire"
)

// Local runs commands on this machine, in the environment of this process, which the bootstrap has cleaned. Held, where
// it is set, is a lock that each command holds too: it stays taken until the command has ended, also when this process
// is killed before.
type Local struct{ Held *os.File }

var _ wire.Runner = Local{}

// Run runs the commands in order. A command that cannot be started answers with status 127.
func (l Local) Run(ctx context.Context, commands ...wire.Command) ([]wire.Answer, error) {
	var answers []wire.Answer
	for _, c := range commands {
		a, err := l.one(ctx, c)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

func (l Local) one(ctx context.Context, c wire.Command) (wire.Answer, error) {
	if len(c.Argv) == 0 {
		return wire.Answer{}, errors.New("an empty command")
	}
	limit, timeout := c.Limits()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, said := &limited{max: limit, full: cancel}, &limited{max: 64 << 10}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = out, said
	if l.Held != nil {
		cmd.ExtraFiles = []*os.File{l.Held}
	}
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	switch {
	case out.over:
		return wire.Answer{}, fmt.Errorf("run %s: more than %d bytes", c.Argv[0], limit)
	case ctx.Err() != nil:
		return wire.Answer{}, fmt.Errorf("run %s: %w", c.Argv[0], ctx.Err())
	}
	a := wire.Answer{Out: out.b.Bytes(), Stderr: said.b.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		a.Code = exit.ExitCode()
	case err != nil:
		a.Code, a.Stderr = 127, err.Error()
	}
	return a, nil
}

// limited keeps at most max bytes; it then calls full, or drops the rest when there is no full.
type limited struct {
	b    bytes.Buffer
	max  int64
	full func()
	over bool
}

// Write always claims to have written all.
func (l *limited) Write(p []byte) (int, error) {
	if room := l.max - int64(l.b.Len()); int64(len(p)) > room {
		if l.full != nil {
			l.over = true
			l.full()
		}
		l.b.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return l.b.Write(p)
}
