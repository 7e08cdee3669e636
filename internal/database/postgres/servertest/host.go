package servertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/reach"
	"fairlead/internal/host"
)

// standing is a host that stands for a real one: ssh is a program of the test that runs a shell here.
var standing struct {
	sync.Mutex
	through *reach.Through
	pid     string // file with the number of the process that is the connection
	count   string // file with a line per connection
}

// ThroughHost gives the way to the server through a host, the same for all tests.
func ThroughHost(t *testing.T) *reach.Through {
	t.Helper()
	standing.Lock()
	defer standing.Unlock()
	if standing.through != nil {
		return standing.through
	}
	dir := filepath.Join(Server.Dir, "host")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	standing.pid, standing.count = filepath.Join(dir, "pid"), filepath.Join(dir, "count")
	script := fmt.Sprintf("#!/bin/sh\nfor c; do :; done\necho $$ >%s\necho >>%s\nexec sh -c \"$c\"\n", standing.pid,
		standing.count)
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	standing.through = &reach.Through{Host: host.New(host.Options{Address: host.Address{User: "deploy", Host: "dbhost"},
		SSH:    host.SSH{Program: filepath.Join(dir, "ssh")},
		Agents: agenttest.In(t, dir, agenttest.Self(t)), AgentDirectory: filepath.Join(dir, "agents")})}
	return standing.through
}

// CutHost ends the connection to the host at once.
func CutHost(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(standing.pid)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// ViaSSH lets a server be reached through the host.
func ViaSSH(c *server.Config) { c.Via = server.ViaSSH }

// Cutting cuts the connection to the host at the first byte, once.
type Cutting struct {
	T    *testing.T
	done bool
}

// Write cuts.
func (c *Cutting) Write(p []byte) (int, error) {
	if !c.done {
		c.done = true
		CutHost(c.T)
	}
	return len(p), nil
}
