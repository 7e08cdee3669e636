// Package agenttest lets a test binary be the agent on a host, so that tests need no built agent. It is test-only. A
// package begins with Main in its TestMain, and gives Agents to the hosts that it opens.
package agenttest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"fairlead/internal/agent"
	"fairlead/internal/host"
)

// Main ends the process: as the agent where the binary was started as one, else with what run, a package's tests,
// gives.
func Main(run func() int) {
	if len(os.Args) < 2 || !slices.Contains([]string{"version", "serve", "roll"}, os.Args[1]) {
		os.Exit(run())
	}
	self, _ := os.Executable()
	if err := agent.Main(context.Background(), self, "test", os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Agents gives a folder in which this test binary is the agent for this system.
func Agents(t testing.TB) host.Agents {
	t.Helper()
	return In(t, t.TempDir(), Self(t))
}

// In puts a program into a folder as the agent for this system.
func In(t testing.TB, dir, program string) host.Agents {
	t.Helper()
	if err := os.Symlink(program, filepath.Join(dir, "fairlead-agent-"+runtime.GOOS+"-"+runtime.GOARCH)); err != nil {
		t.Fatal(err)
	}
	return host.Agents{Folders: []string{dir}}
}

// Self is the path of this test binary.
func Self(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}
