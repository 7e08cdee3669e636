package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/operate"
	"fairlead/internal/view"
)

func (a *app) ledgerCommand() *cobra.Command {
	return group("ledger", "The ledger of all runs",
		a.reader("verify", "Check the hash chain of all records", a.verifyLedger))
}

// verifyLedger gives programs one object about a ledger that does not hold, and people the fault.
func (a *app) verifyLedger(s *session, ctx context.Context) (view.Page, error) {
	page, err := s.CheckLedger(ctx)
	switch f, _ := fault.Find(err); {
	case err == nil:
		return page, nil
	case page == nil || !a.json:
		return nil, err
	default:
		a.show(page)
		a.printFault(f)
		return nil, ended{f.Outcome}
	}
}

func (a *app) historyCommand() *cobra.Command {
	limit := 0
	c := command("history", "All runs, the newest first", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		if limit < 0 {
			return operate.Misused("--limit cannot be negative")
		}
		return a.reading(func(s *session) (view.Page, error) { return s.History(ctx, limit) })
	})
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most; 0 means all")
	return c
}

func (a *app) showCommand() *cobra.Command {
	return command("show [RUN]", "Every record of a run; of the last one without RUN", cobra.MaximumNArgs(1),
		func(ctx context.Context, args []string) error {
			return a.reading(func(s *session) (view.Page, error) {
				return nil, a.showRun(ctx, s, engine.RunID(first(args)))
			})
		})
}

// showRun prints the records of one run, oldest first; with --json the lines as they are stored.
func (a *app) showRun(ctx context.Context, s *session, run engine.RunID) error {
	all, err := s.Records(ctx, run)
	if err != nil {
		return err
	}
	all.Evidence = a.verbose
	if !a.json || len(all.Records) == 0 {
		a.answer("%s", strings.TrimSuffix(all.Text(), "\n"))
		return nil
	}
	for _, r := range all.Records {
		line, err := r.Line()
		if err != nil {
			return err
		}
		fmt.Fprintf(a.Out, "%s\n", line)
	}
	return nil
}

func (a *app) recordCommand() *cobra.Command {
	reason := ""
	manual := command("manual --reason WHY",
		"Write down that a release was made by hand, and what runs now", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			if err := needsReason(reason); err != nil {
				return err
			}
			return a.reading(func(s *session) (view.Page, error) { return s.RecordManual(ctx, reason) })
		})
	manual.Flags().StringVar(&reason, "reason", "", "what was done by hand, and why (needed)")
	return group("record", "Write something down in the ledger", manual)
}
