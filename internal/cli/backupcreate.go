package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/step"
	"fairlead/internal/ui"
)

func (a *app) backupCreateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create",
		Short: "Take and verify a backup now, outside of a release",
		Long: `Takes a backup exactly as a release would: dumped in one snapshot, hashed while it is written, read back, compared at the level of
backup.verify, and only then visible, with the roles and a manifest beside it. Nothing of production is changed, and no lock is taken.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runBackupCreate(c.Context(), a) },
	}
}

// runBackupCreate takes one backup.
func runBackupCreate(ctx context.Context, a *app) error {
	_, p, say, done, err := a.working(step.Backup{}.Spec())
	if err != nil {
		return err
	}
	defer p.Close()
	defer done()
	b, err := p.TakeBackup(ctx, say)
	done()
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(b)
		return nil
	}
	m := b.Manifest
	a.answer("%s", ui.Clean(b.String()))
	a.answer("in %s; dump %.1f s, verification %.1f s; snapshot of %s at %s", b.Place, m.Took.Dump, m.Took.Verify+m.Took.Restore, clock(m.Snapshot), m.LSN)
	if m.Globals != nil {
		for _, missing := range m.Globals.Missing {
			a.answer("not in it: %s", missing)
		}
	}
	return nil
}

// working opens the project for one act that no run holds, with a screen that shows how far it is. done ends the screen; a second time
// does nothing.
func (a *app) working(spec engine.Spec) (c config.Config, p Project, say func(engine.Progress), done func(), err error) {
	if c, err = a.load(); err != nil {
		return c, nil, nil, nil, err
	}
	p, s, _, err := a.enter(c)
	if err != nil {
		return c, nil, nil, nil, err
	}
	s.observe(engine.StepBegan{At: a.Now(), Spec: spec, Index: 1, Of: 1})
	return c, p, func(g engine.Progress) { s.observe(engine.StepProgress{At: a.Now(), Step: spec.Name, Progress: g}) }, s.close, nil
}
