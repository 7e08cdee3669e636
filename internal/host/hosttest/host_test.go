package hosttest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/fault"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// TestMain lets the test binary be the agent.
func TestMain(m *testing.M) { agenttest.Main(m.Run) }

// ssh writes a program that stands for ssh: script has the remote command in $c.
func ssh(t *testing.T, script string) host.SSH {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ssh")
	check(t, os.WriteFile(name, []byte("#!/bin/sh\nfor c; do :; done\n"+script+"\n"), 0o755))
	return host.SSH{Program: name, ConnectTimeout: time.Second}
}

func open(t *testing.T, o host.Options) *host.Host {
	t.Helper()
	if o.Address == (host.Address{}) {
		o.Address = host.Address{Local: true}
	}
	h := host.New(o)
	t.Cleanup(func() { h.Close() })
	return h
}

func TestRun_gives_exactly_what_the_commands_left(t *testing.T) {
	for name, o := range map[string]host.Options{
		"without ssh": {},
		"behind a banner without an end": {Address: host.Address{Host: "x"},
			SSH: ssh(t, `printf 'Welcome!\n\nfairlead-bootstrap/1 nonsense\nlast'; exec sh -c "$c"`)},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			h := open(t, o)
			odd := "a b'c\"$HOME`x`\n\\é\xff*"
			answers, err := h.Run(t.Context(),
				wire.Command{Argv: []string{"printf", "%s", odd}},
				wire.Command{Argv: []string{"sh", "-c", `printf 'out\n'; printf 'bad\nworse\n' >&2; exit 3`}},
				wire.Command{Argv: []string{"sh", "-c", `printf "$X"; cat`}, Env: []string{"X=it's"}},
				wire.Command{Argv: []string{"head", "-c", "300000", "/dev/zero"}},
				wire.Command{Argv: []string{"no-such-program-here"}},
				wire.Command{Argv: []string{"true"}})
			if err != nil {
				t.Fatal(err)
			}
			want := []wire.Answer{{Out: []byte(odd)}, {Code: 3, Out: []byte("out\n"), Stderr: "bad\nworse"},
				{Out: []byte("it's")}, {Out: make([]byte, 300000)}}
			for i, w := range want {
				if a := answers[i]; a.Code != w.Code || !bytes.Equal(a.Out, w.Out) || a.Stderr != w.Stderr {
					t.Errorf("command %d: %d %.60q %q, want %d %.60q %q", i, a.Code, a.Out, a.Stderr, w.Code, w.Out,
						w.Stderr)
				}
			}
			if answers[4].Code != 127 || answers[5].Code != 0 || len(answers[5].Out) != 0 {
				t.Errorf("the last two: %+v", answers[4:])
			}
			if got := h.Traffic(); got.Connections != 1 || got.Exchanges != 2 {
				t.Errorf("traffic %+v, want 1 connection and 2 exchanges", got)
			}
		})
	}
}

func TestRun_cleans_the_environment(t *testing.T) {
	o := host.Options{Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=/home/x y", "COMPOSE_FILE=evil.yml",
		"API_IMAGE=evil", "DOCKER_HOST=unix:///a b"}}
	answers, err := open(t, o).Run(t.Context(), wire.Command{Argv: []string{"env"}})
	check(t, err)
	got := string(answers[0].Out)
	if strings.Contains(got, "evil") || !strings.Contains(got, "HOME=/home/x y\n") ||
		!strings.Contains(got, "DOCKER_HOST=unix:///a b\n") {
		t.Errorf("environment:\n%s", got)
	}
}

func TestRun_gives_up_on_what_is_too_long_and_connects_again(t *testing.T) {
	h := open(t, host.Options{})
	if _, err := h.Run(t.Context(), wire.Command{Argv: []string{"cat", "/dev/zero"}, Max: 1 << 20}); !errors.Is(err,
		host.ErrUnreachable) {
		t.Errorf("endless output: %v, want %v", err, host.ErrUnreachable)
	}
	began := time.Now()
	if _, err := h.Run(t.Context(), wire.Command{Argv: []string{"sleep", "60"},
		Timeout: 100 * time.Millisecond}); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("endless work: %v after %s", err, time.Since(began))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Run(ctx, wire.Command{Argv: []string{"sleep", "60"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := h.Run(t.Context(), wire.Command{Argv: []string{"true"}}); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestDial_explains_why_a_host_cannot_be_used(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		code   fault.Code
		want   error
	}{
		"no route": {`echo "ssh: connect to host x port 22: Connection refused" >&2; exit 255`,
			"host-unreachable", host.ErrUnreachable},
		"silence": {`exec sleep 60`, "host-unreachable", host.ErrUnreachable},
		"an unknown key": {"echo 'No ED25519 host key is known for x and you have requested strict checking.\n" +
			"Host key verification failed.' >&2; exit 255", "host-key-unknown", host.ErrHostKey},
		"a changed key": {"echo '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n" +
			"Host key verification failed.' >&2; exit 255", "host-key-changed", host.ErrHostKey},
		"a refused key": {`echo "deploy@x: Permission denied (publickey)." >&2; exit 255`, "ssh-denied",
			host.ErrDenied},
		"a shell of none": {`echo "This account is currently not available."; exit 1`, "host-unreachable",
			host.ErrUnreachable},
		"endless talk": {`exec yes`, "host-unreachable", host.ErrUnreachable},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			_, err := open(t, host.Options{Address: host.Address{Host: "x", User: "deploy", Port: 2222},
				SSH: ssh(t, c.script)}).Run(ctx, wire.Command{Argv: []string{"true"}})
			if name == "silence" {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				return
			}
			f, ok := fault.Find(err)
			if !ok || f.Code != c.code || !errors.Is(err, c.want) || f.Means == "" || len(f.Do) == 0 {
				t.Errorf("got %v, %+v; want a whole fault %s that is %v", err, f, c.code, c.want)
			}
		})
	}
	_, err := open(t, host.Options{Address: host.Address{Host: "x"}, SSH: host.SSH{Program: "/no/ssh"}}).Run(
		t.Context(), wire.Command{Argv: []string{"true"}})
	if f, ok := fault.Find(err); !ok || !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("without an ssh program: %v, %+v", err, f)
	}
}

func TestLooking_writes_nothing_on_the_host(t *testing.T) {
	home := t.TempDir()
	h := open(t, host.Options{Agents: agenttest.Agents(t), Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}})
	if _, err := h.Run(t.Context(), wire.Command{Argv: []string{"id"}}); err != nil {
		t.Fatal(err)
	}
	if ready, err := h.Ready(t.Context()); ready || err != nil {
		t.Errorf("ready: %v, %v; want no", ready, err)
	}
	if _, err := h.Run(t.Context(), wire.Command{Argv: []string{"id"}}); err != nil {
		t.Errorf("the bootstrap does not go on: %v", err)
	}
	if got := tree(t, home); len(got) != 1 {
		t.Errorf("the home directory has %v", got)
	}
}

func TestCall_brings_the_agent_once_and_verifies_it(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's a folder")
	o := host.Options{Agents: agenttest.Agents(t), AgentDirectory: dir}
	for range 2 {
		h := open(t, o)
		hello, err := host.Call[wire.Hello](t.Context(), h, wire.OpHello, nil)
		if err != nil || hello.Protocol != wire.Protocol || hello.Version != "test" {
			t.Fatalf("hello: %+v, %v", hello, err)
		}
		answers, err := h.Run(t.Context(), wire.Command{Argv: []string{"sh", "-c", "printf x; exit 4"}},
			wire.Command{Argv: []string{"no-such-program"}})
		if err != nil || answers[0].Code != 4 || string(answers[0].Out) != "x" || answers[1].Code != 127 {
			t.Errorf("commands through the agent: %+v, %v", answers, err)
		}
		h.Close()
	}
	files := tree(t, dir)
	if len(files) != 2 {
		t.Fatalf("the folder has %v, want one agent", files)
	}
	info, err := os.Stat(files[1])
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the agent's mode is %v", info.Mode())
	}
	check(t, os.WriteFile(files[1], []byte("#!/bin/sh\ntouch "+filepath.Join(dir, "tampered")+"\n"), 0o700))
	if _, err := host.Call[wire.Hello](t.Context(), open(t, o), wire.OpHello, nil); err != nil {
		t.Errorf("after it was tampered with: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tampered")); err == nil {
		t.Error("a file that is not the agent was run")
	}
}

func TestCall_says_why_there_is_no_agent(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	check(t, os.WriteFile(garbage, []byte{0, 1, 2, '\n', 'r', 'm', '\n'}, 0o644))
	for code, o := range map[fault.Code]host.Options{
		"no-agent":            {AgentDirectory: t.TempDir()},
		"agent-not-installed": {Agents: agenttest.Agents(t), Mode: host.Preinstalled, AgentDirectory: t.TempDir()},
		"agent-not-runnable":  {Agents: agenttest.In(t, t.TempDir(), garbage), AgentDirectory: t.TempDir()},
		"agent-not-written":   {Agents: agenttest.Agents(t), AgentDirectory: "/dev/null/agents"},
	} {
		_, err := host.Call[wire.Hello](t.Context(), open(t, o), wire.OpHello, nil)
		f, ok := fault.Find(err)
		if !ok || f.Code != code || !errors.Is(err, host.ErrNoAgent) || f.Means == "" || len(f.Do) == 0 {
			t.Errorf("%s: %v, %+v", code, err, f)
		}
	}
}

func TestCall_is_lost_with_the_connection_and_the_next_one_connects_again(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	h := open(t, host.Options{Address: host.Address{Host: "x"}, SSH: ssh(t, "echo $$ >>"+pids+"\nexec sh -c \"$c\""),
		Agents: agenttest.Agents(t), AgentDirectory: t.TempDir()})
	if _, err := host.Call[wire.Hello](t.Context(), h, wire.OpHello, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(pids)
	check(t, err)
	var pid int
	_, err = fmt.Sscan(string(b), &pid)
	check(t, err)
	time.AfterFunc(200*time.Millisecond, func() {
		p, _ := os.FindProcess(pid)
		_ = p.Kill()
	})
	_, err = host.Call[[]wire.Answer](t.Context(), h, wire.OpRun, []wire.Command{{Argv: []string{"sleep", "20"}}})
	if !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("the call on a connection that was cut: %v, want %v", err, host.ErrUnreachable)
	}
	if _, err := host.Call[wire.Hello](t.Context(), h, wire.OpHello, nil); err != nil {
		t.Errorf("the next call: %v", err)
	}
	if got := h.Traffic().Connections; got != 2 {
		t.Errorf("%d connections, want 2", got)
	}
}

func TestCall_can_be_cancelled_while_others_go_on(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t), AgentDirectory: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := host.Call[[]wire.Answer](ctx, h, wire.OpRun, []wire.Command{{Argv: []string{"sleep", "30"}}})
		ended <- err
	}()
	for range 20 {
		if _, err := host.Call[wire.Hello](t.Context(), h, wire.OpHello, nil); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the cancelled call goes on")
	}
	if _, err := host.Call[wire.Hello](t.Context(), h, wire.OpHello, nil); err != nil {
		t.Errorf("after that: %v", err)
	}
	if got := h.Traffic().Connections; got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}

func TestAgent_says_that_it_does_not_know_an_operation(t *testing.T) {
	h := open(t, host.Options{Agents: agenttest.Agents(t), AgentDirectory: t.TempDir()})
	_, err := host.Call[wire.Hello](t.Context(), h, "no.such", nil)
	if wire.CodeOf(err) != wire.CodeUnknownOp {
		t.Errorf("got %v", err)
	}
}

func tree(t *testing.T, top string) []string {
	t.Helper()
	var all []string
	check(t, filepath.WalkDir(top, func(p string, _ fs.DirEntry, err error) error {
		all = append(all, p)
		return err
	}))
	return all
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
