package hosttest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// listen serves each connection that is made to it.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func TestDial_carries_every_byte_both_ways_at_once(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	address := listen(t, echo)
	sent := make([]byte, 24<<20+7)
	_, _ = rand.Read(sent)
	done := make(chan error, 3)
	for range cap(done) {
		go func() {
			c, err := h.Dial(t.Context(), "tcp", address)
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			go func() { _, _ = c.Write(sent) }()
			got := sha256.New()
			_, err = io.CopyN(got, c, int64(len(sent)))
			if want := sha256.Sum256(sent); err == nil && !bytes.Equal(got.Sum(nil), want[:]) {
				err = errors.New("other bytes came back")
			}
			done <- err
		}()
	}
	for range cap(done) {
		check(t, <-done)
	}
	if n := h.Traffic().Connections; n != 1 {
		t.Errorf("%d connections to the host, want 1", n)
	}
}

func TestDial_a_reader_that_sleeps_holds_up_nobody_else(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	full := make(chan struct{})
	flood := listen(t, func(c net.Conn) {
		b := make([]byte, wire.StreamWindow)
		for n := 0; ; n++ {
			if _, err := c.Write(b); err != nil {
				return
			}
			if n == 0 {
				close(full)
			}
		}
	})
	asleep, err := h.Dial(t.Context(), "tcp", flood)
	check(t, err)
	defer asleep.Close()
	<-full
	began := time.Now()
	other, err := h.Dial(t.Context(), "tcp", listen(t, echo))
	check(t, err)
	defer other.Close()
	_, err = other.Write([]byte("hello"))
	check(t, err)
	_, err = io.ReadFull(other, make([]byte, 5))
	check(t, err)
	_, err = h.Run(t.Context(), wire.Command{Argv: []string{"true"}})
	check(t, err)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the others took %s", took)
	}
}

func TestDial_says_what_the_host_said(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	l.Close()
	for address, want := range map[string]string{l.Addr().String(): "connection refused",
		"no-such-host.invalid:1": "no such host"} {
		if _, err := h.Dial(t.Context(), "tcp", address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if n := h.Traffic().Connections; n != 1 {
		t.Errorf("%d connections to the host, want 1", n)
	}
}

func TestDial_keeps_limits_of_time(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	c, err := h.Dial(t.Context(), "tcp", listen(t, echo))
	check(t, err)
	defer c.Close()
	check(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	began := time.Now()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	check(t, c.SetReadDeadline(time.Time{}))
	_, err = c.Write([]byte("x"))
	check(t, err)
	_, err = io.ReadFull(c, make([]byte, 1))
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Dial(ctx, "tcp", "192.0.2.1:9"); err == nil {
		t.Error("an address that nobody has was reached")
	}
}

func TestDial_tells_a_cut_connection_and_connects_again(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	h := open(t, host.Options{Address: host.Address{Host: "x"}, Agents: agenttest.Agents(t),
		SSH: ssh(t, `echo $$ >`+pid+`; exec sh -c "$c"`)})
	address := listen(t, echo)
	c, err := h.Dial(t.Context(), "tcp", address)
	check(t, err)
	b, err := os.ReadFile(pid)
	check(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	check(t, err)
	check(t, syscall.Kill(n, syscall.SIGKILL))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("read: %v", err)
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("written into a cut connection")
	}
	again, err := h.Dial(t.Context(), "tcp", address)
	check(t, err)
	defer again.Close()
	_, err = again.Write([]byte("x"))
	check(t, err)
	_, err = io.ReadFull(again, make([]byte, 1))
	check(t, err)
}

func TestDial_tells_the_end_of_the_other_side(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	c, err := h.Dial(t.Context(), "tcp", listen(t, func(c net.Conn) { _, _ = c.Write([]byte("bye")) }))
	check(t, err)
	defer c.Close()
	b, err := io.ReadAll(c)
	if string(b) != "bye" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

func TestExec_proves_how_a_program_ended(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	var out bytes.Buffer
	fed := strings.Repeat("0123456789abcde\n", 400_000)
	e, err := h.Exec(t.Context(), wire.Exec{Argv: []string{"sh", "-c", `cat; echo bad >&2; exit 3`}},
		strings.NewReader(fed), &out)
	if err != nil || e.Code != 3 || e.Stderr != "bad\n" || out.String() != fed {
		t.Errorf("%+v, %v, %d bytes", e, err, out.Len())
	}
	e, err = h.Exec(t.Context(), wire.Exec{Argv: []string{"sh", "-c", `echo part; kill -9 $$`}}, nil, io.Discard)
	if err != nil || e.Code != -1 || e.Signal != "killed" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err = h.Exec(t.Context(), wire.Exec{Argv: []string{"no-such-program"}}, nil, io.Discard); err == nil {
		t.Error("a program that is not there has run")
	}
}

func TestExec_hands_over_a_secret_that_nobody_else_sees(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	var out bytes.Buffer
	e, err := h.Exec(t.Context(), wire.Exec{
		Argv: []string{"sh", "-c",
			`cat "$SECRET"; stat -Lc %a "$SECRET"; tr '\0' '\n' </proc/$$/environ | grep -c hidde[n]; tr '\0' ' ' ` +
				`</proc/$$/cmdline | grep -c hidde[n]`},
		Secret: []byte("hidden\n"), SecretVar: "SECRET"}, nil, &out)
	if want := "hidden\n600\n0\n0\n"; err != nil || out.String() != want {
		t.Errorf("%q, %+v, %v; want %q", out.String(), e, err, want)
	}
}

func TestExec_ends_the_program_when_nobody_takes_its_output_or_waits_for_it(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t)})
	mark := filepath.Join(t.TempDir(), "pid")
	full := errors.New("full")
	_, err := h.Exec(t.Context(), wire.Exec{Argv: []string{"sh", "-c", `echo $$ >` + mark + `; exec cat /dev/zero`}},
		nil, failing{full})
	if !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	gone(t, mark)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := h.Exec(ctx, wire.Exec{Argv: []string{"sh", "-c", `echo $$ >` + mark + `; exec sleep 60`}}, nil,
		io.Discard); err == nil {
		t.Error("it waited")
	}
	gone(t, mark)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// gone waits until the process whose number stands in a file has ended.
func gone(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	check(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	check(t, err)
	for range 50 {
		if errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %d still runs", n)
}
