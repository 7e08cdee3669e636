package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Inside says whether this process already runs in the lab's network.
func (l *Lab) Inside() bool {
	here, err := os.Stat("/proc/thread-self/ns/net")
	if err != nil {
		return false
	}
	there, err := os.Stat(l.Netns)
	return err == nil && os.SameFile(here, there)
}

// Command makes a command that runs in the lab's network, as this user and with
// this machine's files and processes: the place of an operator. Its process id
// is the program's own. The environment is this process's plus Env.
func (l *Lab) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	if !l.Inside() {
		cmd = exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + l.Netns, "--", name}, args...)...)
	}
	cmd.Env = append(os.Environ(), l.Env()...)
	return cmd
}

// HostCommand makes a command that runs on the lab's host as root: in its
// processes, mounts and network, where agents and sessions can be seen and killed.
func (l *Lab) HostCommand(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(l.Init), "--root", "--mount", "--pid", "--net", "--", name}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
}

// SSH makes a command that runs a shell line on the host as the deploy user,
// through sshd.
func (l *Lab) SSH(ctx context.Context, line string) *exec.Cmd {
	return l.Command(ctx, "ssh", "-F", "none", "-i", l.IdentityFile, "-p", strconv.Itoa(l.SSHPort),
		"-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile="+l.KnownHosts, "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", l.SSHUser+"@"+l.SSHHost, line)
}

// Docker makes a docker command against the lab's engine.
func (l *Lab) Docker(ctx context.Context, args ...string) *exec.Cmd {
	return l.Command(ctx, "docker", args...)
}

// Dial connects in the lab's network, from inside or outside of it.
func (l *Lab) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var c net.Conn
	err := l.within(func() error {
		var d net.Dialer
		var err error
		c, err = d.DialContext(ctx, onlyIPv4(network), strings.Replace(addr, "localhost:", "127.0.0.1:", 1))
		return err
	})
	return c, err
}

// Listen listens in the lab's network, from inside or outside of it.
func (l *Lab) Listen(ctx context.Context, addr string) (net.Listener, error) {
	var listener net.Listener
	err := l.within(func() error {
		var lc net.ListenConfig
		var err error
		listener, err = lc.Listen(ctx, "tcp4", addr)
		return err
	})
	return listener, err
}

// Transport is an HTTP transport in the lab's network.
func (l *Lab) Transport() *http.Transport {
	return &http.Transport{DialContext: l.Dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
}

// onlyIPv4 keeps the dialer on its calling thread: a second address family
// would make it dial from another one, in another network.
func onlyIPv4(network string) string {
	if network == "tcp" {
		return "tcp4"
	}
	return network
}

// within runs f on a thread that is in the lab's network. Outside, that thread
// is a new one and is thrown away afterwards.
func (l *Lab) within(f func() error) error {
	if l.Inside() {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := os.Open(l.Netns)
		if err != nil {
			done <- err
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the lab's network: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}
