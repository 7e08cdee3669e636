package host

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// conn is one running ssh (or sh) process that speaks the bootstrap or, after the hand-over, the agent's protocol.
type conn struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *bufio.Reader
	stderr *tail
	nonce  string
	count  int
	facts  facts
	mux    *mux // after the hand-over
	lacks  bool // the agent was looked for and is not on the host
	kill   func()

	reaping sync.Mutex
	reaped  bool
}

// dial starts the process and waits until the bootstrap answers.
func dial(ctx context.Context, o Options) (*conn, error) {
	argv := []string{"sh", "-c", `IFS= read -r s && eval "$s"`}
	if !o.Address.Local {
		argv = o.SSH.args(o.Address, stageOne)
	}
	c := &conn{nonce: nonce(), stderr: &tail{}}
	c.cmd = exec.Command(argv[0], argv[1:]...)
	c.cmd.Env = o.Env
	c.cmd.Stderr = c.stderr
	c.cmd.WaitDelay = 2 * time.Second
	// An interrupt at the terminal is for fairlead, which stops in order; it must not cut the connection first.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, errIn := c.cmd.StdinPipe()
	stdout, errOut := c.cmd.StdoutPipe()
	if err := cmp.Or(errIn, errOut); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	c.stdin, c.out = stdin, bufio.NewReaderSize(stdout, 64<<10)
	if err := c.cmd.Start(); err != nil {
		return nil, notStarted(o, argv[0], err)
	}
	c.kill = c.killGroup
	if err := c.greet(ctx, o); err != nil {
		said := c.close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, dialFault(o, said, err)
	}
	return c, nil
}

func (c *conn) greet(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.SSH.connectTimeout()+20*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	// What ssh complained says more than a broken pipe; reading finds the end at once.
	_, _ = io.WriteString(c.stdin, stageTwo(c.nonce))
	var err error
	c.facts, err = readFacts(c.out, c.nonce)
	return err
}

// close ends the process and gives what it complained.
func (c *conn) close() string {
	_ = c.stdin.Close()
	timer := time.AfterFunc(2*time.Second, c.kill)
	_ = c.cmd.Wait()
	timer.Stop()
	c.reaping.Lock()
	c.reaped = true
	c.reaping.Unlock()
	if c.mux != nil {
		<-c.mux.done
	}
	return c.stderr.String()
}

// killGroup ends the process and, without ssh, what it started. What was started detached has a group of its own. Once
// the process was waited for, its number may be somebody else's.
func (c *conn) killGroup() {
	c.reaping.Lock()
	defer c.reaping.Unlock()
	if !c.reaped {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
}

func (c *conn) marker() string {
	c.count++
	return fmt.Sprintf("%s.%d", c.nonce, c.count)
}

// nonce is a word that nothing on the host says by chance.
func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

// Write keeps the last 8 KiB.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if len(t.end) > 8<<10 {
		t.end = append([]byte(nil), t.end[len(t.end)-4<<10:]...)
	}
	return len(p), nil
}

// String gives what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
