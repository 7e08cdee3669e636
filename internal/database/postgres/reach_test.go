//go:build real

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fairlead/internal/agent"
	"fairlead/internal/database/reach"
	"fairlead/internal/host"
)

func isAgent() bool {
	return len(os.Args) > 1 && slices.Contains([]string{"version", "serve", "roll"}, os.Args[1])
}

func beAgent() int {
	self, _ := os.Executable()
	if err := agent.Main(context.Background(), self, "test", os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// standing is a host that stands for a real one: ssh is a program of the test that runs a shell here.
var standing struct {
	sync.Mutex
	through *reach.Through
	pid     string // file with the number of the process that is the connection
	count   string // file with a line per connection
}

func throughHost(t *testing.T) *reach.Through {
	t.Helper()
	standing.Lock()
	defer standing.Unlock()
	if standing.through != nil {
		return standing.through
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(server.dir, "host")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	standing.pid, standing.count = filepath.Join(dir, "pid"), filepath.Join(dir, "count")
	script := fmt.Sprintf("#!/bin/sh\nfor c; do :; done\necho $$ >%s\necho >>%s\nexec sh -c \"$c\"\n", standing.pid, standing.count)
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "fairlead-agent-"+runtime.GOOS+"-"+runtime.GOARCH)); err != nil {
		t.Fatal(err)
	}
	standing.through = &reach.Through{Host: host.New(host.Options{Address: host.Address{User: "deploy", Host: "dbhost"}, SSH: host.SSH{Program: filepath.Join(dir, "ssh")},
		Agents: host.Agents{Folders: []string{dir}}, AgentDirectory: filepath.Join(dir, "agents")})}
	return standing.through
}

// cutHost ends the connection to the host at once.
func cutHost(t *testing.T) {
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

func viaSSH(c *Config) { c.Via = ViaSSH }

func TestVia_a_host_a_dump_is_taken_and_verified_over_one_connection(t *testing.T) {
	url := fresh(t)
	admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 200000) g")
	d := opened(t, url, viaSSH)
	f, err := d.Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 {
		t.Fatal(f.Problems, err)
	}
	var archive bytes.Buffer
	dump, err := d.Dump(t.Context(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	if dump.Tables["public.big"] != 200000 {
		t.Errorf("%v", dump.Tables)
	}
	if err := d.Verify(t.Context(), &archive, dump); err != nil {
		t.Error(err)
	}
	if n := throughHost(t).Host.Traffic().Connections; n != 1 {
		t.Errorf("%d connections to the host, want 1", n)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), hiddenPrefix+strconv.Itoa(os.Getpid())+"-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
