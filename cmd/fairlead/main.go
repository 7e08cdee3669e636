// The program fairlead: signals, arguments, exit status. Everything else is in package cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"fairlead/internal/cli"
)

func main() {
	debug.SetTraceback("crash") // a crash ends with SIGABRT (134) and never looks like a documented status
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a reader that went away must not end a deployment
	edge := cli.System()
	ctx := edge.Interruptible(context.Background(), signals, os.Exit)
	os.Exit(cli.Execute(ctx, os.Args[1:], edge))
}
