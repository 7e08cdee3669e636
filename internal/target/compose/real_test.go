//go:build real

package compose

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/host"
	"fairlead/internal/lab"
	"fairlead/internal/release"
	"fairlead/internal/target/targettest"
)

// program builds the agent once per test binary run and gives where it is.
func program(t *testing.T) host.Agents {
	t.Helper()
	dir := t.TempDir()
	root, err := lab.ModuleRoot()
	check(t, err)
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w",
		"-o", filepath.Join(dir, "fairlead-agent-linux-"+runtime.GOARCH), "./cmd/fairlead-agent")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v: %s", err, out)
	}
	return host.Agents{Folders: []string{dir}}
}

// site is one stack in the lab and how it is reached.
type site struct {
	stack  *lab.Stack
	agents host.Agents
	config Config
}

var siteCount atomic.Int64

func newSite(t *testing.T, agents host.Agents, local bool, o lab.StackOptions) *site {
	t.Helper()
	l := lab.Here(t)
	o.App = fmt.Sprintf("t%d%d", os.Getpid()%10000, siteCount.Add(1))
	s, err := l.Stack(t.Context(), o)
	check(t, err)
	t.Cleanup(func() {
		if err := s.Remove(context.Background()); err != nil {
			t.Errorf("remove the stack: %v", err)
		}
	})
	c := Config{}
	c.Defaults()
	c.Hosts = []string{l.SSHURL(l.SSHPort)}
	c.SSH = SSH{IdentityFile: config.Path(l.IdentityFile), KnownHosts: config.Path(l.KnownHosts)}
	if local {
		c.Hosts, c.SSH = []string{"local"}, SSH{}
		c.AgentDirectory = filepath.Join(t.TempDir(), "agents")
	}
	c.Directory = s.Dir
	c.Files = []string{"infra/docker-compose.prod.yml"}
	c.Services = map[string]Service{"api": {ImageEnv: "API_IMAGE"}, "worker": {ImageEnv: "WORKER_IMAGE"},
		"web": {ImageEnv: "WEB_IMAGE"}}
	c.StartTimeout = 20 * time.Second
	return &site{s, agents, c}
}

func (s *site) open(t *testing.T) *Target {
	t.Helper()
	hosts, err := s.config.Fleet().Connect(s.agents, nil)
	check(t, err)
	for _, h := range hosts {
		t.Cleanup(func() { h.Close() })
	}
	x, err := New(s.config, s.stack.App, "production", hosts, time.Now)
	check(t, err)
	return x
}

func (s *site) publish(t *testing.T, tag string, behaviour map[string]string) []release.Image {
	t.Helper()
	p, err := s.stack.PublishRelease(t.Context(), lab.Release{Tag: tag, Behaviour: behaviour})
	check(t, err)
	var images []release.Image
	for _, name := range []string{"api", "web", "worker"} {
		i, err := release.ParseImage(name, p.Images[name])
		check(t, err)
		images = append(images, i)
	}
	return images
}

// prints lists the files of the target directory and of the deploy user's fairlead folder.
func (s *site) prints(t *testing.T) string {
	t.Helper()
	out, err := s.stack.Lab.HostCommand(t.Context(), "sh", "-c",
		"find "+s.stack.Dir+" -type f -exec cksum {} + | sort").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func exercise(t *testing.T, local bool) {
	t.Parallel() // they mostly wait for containers
	agents := program(t)
	targettest.Exercise(t, func(t *testing.T) targettest.Place {
		s := newSite(t, agents, local, lab.StackOptions{})
		return targettest.Place{App: s.stack.App, Environment: "production",
			Open:    func(t *testing.T) targettest.Target { return s.open(t) },
			Release: func(t *testing.T, n int) []release.Image { return s.publish(t, fmt.Sprintf("v1.%d.0", n), nil) },
			Sick: func(t *testing.T) []release.Image {
				return s.publish(t, "v6.6.6", map[string]string{"api": "never-healthy"})
			},
			Absent: func(t *testing.T) []release.Image {
				images := s.publish(t, "v1.1.0", nil)
				d := release.SumDigest([]byte("nobody has this"))
				images[1].Digest = d
				return images
			},
			Leave: func(t *testing.T, _ int, roll func(context.Context, func(string))) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				roll(ctx, func(string) { cancel() }) // the first that it tells comes before its first act
			},
			Prints: s.prints,
		}
	})
}

func TestTarget_keeps_the_contract_over_ssh(t *testing.T)    { exercise(t, false) }
func TestTarget_keeps_the_contract_without_ssh(t *testing.T) { exercise(t, true) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
