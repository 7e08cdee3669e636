package cli

import (
	"context"
	"fmt"
	"strings"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
)

// stepper stops before each act and asks. Stopping also interrupts the run, so that no policy rolls back what a person stopped.
type stepper struct {
	app    *app
	screen screen
	stop   context.CancelFunc
}

// before shows the runbook's own command for the act and asks whether to go on.
func (s stepper) before(ctx context.Context, spec engine.Spec) error {
	defer s.screen.hold()()
	fmt.Fprintf(s.app.Err, "\nnext: %s (%s), which changes %s\n", spec.Title, spec.Name, changes(spec.Mutates))
	for _, line := range spec.Runbook {
		fmt.Fprintf(s.app.Err, "    by hand: %s\n", ui.Clean(line))
	}
	fmt.Fprint(s.app.Err, "continue or stop? [c/s] ")
	typed, err := s.app.line(ctx)
	if err != nil {
		return err
	}
	if word := strings.ToLower(typed); word == "c" || word == "continue" {
		return nil
	}
	s.stop()
	return &fault.Fault{Code: "stopped", What: fmt.Sprintf("stopped by %s before step %s", s.app.User, spec.Name), Means: "this step was not begun",
		Outcome: fault.Refused}
}

func changes(m engine.Mutation) string {
	switch m {
	case engine.Schema:
		return "the schema of the database"
	case engine.Services:
		return "what runs"
	}
	return "nothing in production"
}
