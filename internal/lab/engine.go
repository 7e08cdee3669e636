package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// engineServer is a Docker engine with a data root of its own. Inside the lab
// it listens where every client looks first; its other socket is for the
// machine.
type engineServer struct {
	dir string
	gid int
	p   process
}

func (e *engineServer) socket() string { return filepath.Join(e.dir, "run", "docker.sock") }

func (e *engineServer) start(ctx context.Context) error {
	config := filepath.Join(e.dir, "etc", "daemon.json")
	if err := os.WriteFile(config, []byte("{}\n"), 0o644); err != nil {
		return err
	}
	argv := []string{"dockerd",
		"--config-file", config,
		"--data-root", filepath.Join(e.dir, "docker"),
		"--exec-root", "/run/docker-exec",
		"--pidfile", "/run/docker.pid",
		"--exec-opt", "native.cgroupdriver=cgroupfs",
		"--cgroup-parent", "/" + cgroupName(e.dir),
		"--group", strconv.Itoa(e.gid),
		"-H", "unix:///run/docker.sock",
		"-H", "unix://" + e.socket(),
	}
	if err := exec.CommandContext(ctx, "iptables", "-w", "-t", "nat", "-L", "-n").Run(); err != nil {
		// Published ports then go through the engine's own proxy alone.
		argv = append(argv, "--iptables=false", "--ip6tables=false")
	}
	if err := e.p.run(e.dir, "dockerd", nil, argv...); err != nil {
		return fmt.Errorf("%w (scripts/install.sh brings docker.io)", err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", e.socket())
		},
	}}
	return waitFor(ctx, "dockerd", 60*time.Second, func(ctx context.Context) error {
		if err := e.p.running(); err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("ping: %s", res.Status)
		}
		return nil
	})
}

func (e *engineServer) stop(hard bool) error {
	if hard {
		return e.p.end(syscall.SIGKILL, 10*time.Second)
	}
	return e.p.end(syscall.SIGTERM, 60*time.Second)
}
