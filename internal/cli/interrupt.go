package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"fairlead/internal/fault"
)

// Interruptible gives a context that the first signal cancels, so that the current step finishes or stops safely. The second one
// says how to go on and leaves at once through exit. The goroutine that waits lives as long as the program.
func Interruptible(parent context.Context, signals <-chan os.Signal, stderr io.Writer, exit func(int)) context.Context {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		s := <-signals
		fmt.Fprintf(stderr, "\n%s: stopping at the next safe point; once more leaves at once\n", s)
		cancel()
		<-signals
		fmt.Fprint(stderr, leftAtOnce())
		exit(fault.Unknown.Exit())
	}()
	return ctx
}

func leftAtOnce() string {
	f := &fault.Fault{Code: "left-at-once", What: "left at once, in the middle of what was being done",
		Means: "it is not known whether production is changed; what runs on the hosts goes on by itself",
		Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"},
			{Line: "fairlead resume", Why: "finds out and goes on"}}}
	return "\n" + f.Text()
}
