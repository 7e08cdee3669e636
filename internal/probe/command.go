package probe

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxSaid is how much of what a command says is kept, in bytes: its end.
const maxSaid = 2 << 10

// Command runs a program in an environment and gives nil when it ends with status 0 within the time. Its whole process group is ended
// with ctx. The error holds the end of what it said; the caller takes secrets out of it.
func Command(ctx context.Context, timeout time.Duration, environ, argv []string) error {
	if len(argv) == 0 {
		return errors.New("there is no command")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := &end{}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = environ, said, said, 2*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s did not end within %s", argv[0], timeout)
	case said.String() != "":
		return fmt.Errorf("%s: %w: %s", argv[0], err, said)
	}
	return fmt.Errorf("%s: %w", argv[0], err)
}

// end keeps the end of what is written.
type end struct{ kept []byte }

// Write never fails.
func (e *end) Write(p []byte) (int, error) {
	e.kept = append(e.kept, p...)
	if extra := len(e.kept) - maxSaid; extra > 0 {
		e.kept = append(e.kept[:0], e.kept[extra:]...)
	}
	return len(p), nil
}

// String gives it on one line.
func (e *end) String() string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(e.kept), "?")), " ")
}
