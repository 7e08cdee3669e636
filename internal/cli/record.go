package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/container"
	"fairlead/internal/fault"
	"fairlead/internal/target"
)

func (a *app) recordCommand() *cobra.Command {
	reason := ""
	c := &cobra.Command{Use: "record", Short: "Write something down in the ledger", Args: args(cobra.NoArgs), RunE: group}
	manual := &cobra.Command{
		Use:   "manual --reason WHY",
		Short: "Write down that a release was made by hand, and what runs now",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return runRecordManual(c.Context(), a, reason) },
	}
	manual.Flags().StringVar(&reason, "reason", "", "what was done by hand, and why (needed)")
	c.AddCommand(manual)
	return c
}

// group is what a command does that only holds others.
func group(c *cobra.Command, _ []string) error {
	return usagef("%s needs one of its commands: see fairlead help %s", c.CommandPath(), c.Name())
}

// runRecordManual writes one record. What runs is read from the world, not taken from the operator's word.
func runRecordManual(ctx context.Context, a *app, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return usagef("--reason is needed: it stands in the record")
	}
	c, p, err := a.quiet()
	if err != nil {
		return err
	}
	defer p.Close()
	if !c.Target.Present() {
		return assemble.NeedsTarget()
	}
	seen, err := p.Look(ctx)
	if err != nil {
		return err
	}
	closed, err := p.Engine().RecordManual(ctx, p.NewRun(), running(seen), reason)
	if err != nil {
		return notRecorded(err)
	}
	if a.json {
		a.printJSON(closed)
		return nil
	}
	a.answer("written down as run %s: %s", closed.Run, closed.Means)
	return nil
}

// running says in a sentence what an observation has seen.
func running(o target.Observation) string {
	var all []string
	for _, h := range o.Hosts {
		for _, s := range h.Services {
			now := or(digestOf(container.ImageOf(s.Replicas)), "nothing that proves one digest")
			all = append(all, fmt.Sprintf("%s on %s runs %s", s.Name, h.Name, now))
		}
	}
	if len(all) == 0 {
		return "nothing runs"
	}
	return strings.Join(all, ", ")
}

func notRecorded(err error) error {
	if outcomeOf(err) != fault.Misused {
		return err
	}
	return &fault.Fault{Code: "not-recorded", What: "the record could not be written", Err: err, Outcome: fault.FailedUnchanged,
		Means: "production is unchanged by this command; the record may be there if only the answer was lost",
		Do:    []fault.Command{{Line: "fairlead history", Why: "tells whether it is"}}}
}
