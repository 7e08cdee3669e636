package cli

import (
	"context"
	"fmt"
	"os"

	"fairlead/internal/fault"
)

// Interruptible gives a context that the first signal cancels, so that the current step finishes or stops safely. The
// second one says how to go on and leaves at once through exit: with Unknown once a run was opened or taken over, else
// with Misused. The goroutine that waits lives as long as the program.
func (e Edge) Interruptible(parent context.Context, signals <-chan os.Signal, exit func(int)) context.Context {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		s := <-signals
		fmt.Fprintf(e.Err, "\n%s: stopping at the next safe point; once more leaves at once\n", s)
		cancel()
		<-signals
		f := leftAtOnce(e.Acting.Load())
		fmt.Fprint(e.Err, "\n"+f.Text())
		exit(f.Outcome.Exit())
	}()
	return ctx
}

func leftAtOnce(acting bool) *fault.Fault {
	if !acting {
		return &fault.Fault{Code: "interrupted", What: "interrupted before anything was attempted",
			Outcome: fault.Misused, Means: "nothing was attempted; production is unchanged"}
	}
	return &fault.Fault{Code: "left-at-once", What: "left at once, in the middle of what was being done",
		Outcome: fault.Unknown,
		Means:   "it is not known whether production is changed; what runs on the hosts goes on by itself",
		Do: []fault.Command{{Line: "fairlead status", Why: "what runs now"},
			{Line: "fairlead resume", Why: "finds out and goes on"}}}
}
