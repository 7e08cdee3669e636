// Command fairlead-agent is fairlead's side on a host. People do not call it: the operator's fairlead does, over its
// own connection.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"fairlead/internal/agent"
)

func main() {
	program, err := os.Executable()
	if err == nil {
		err = agent.Main(context.Background(), program, version(), os.Args[1:], os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairlead-agent:", err)
		os.Exit(1)
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
