package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/backups"
	"fairlead/internal/engine"
	"fairlead/internal/operate"
	"fairlead/internal/view"
)

type restoreOptions struct {
	name     string
	into     string
	overLive bool
	confirm  string
	globals  bool
}

func (a *app) backupRestoreCommand() *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore NAME --into NEWDB | --over-live | --globals",
		Short: "Restore a backup into a new database, and compare it",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return a.restoreBackup(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.into, "into", "", "name of the new database")
	f.BoolVar(&o.overLive, "over-live", false,
		"put it in the place of the live database, which is kept under another name")
	f.StringVar(&o.confirm, "confirm", "", "name of the live database, instead of typing it")
	f.BoolVar(&o.globals, "globals", false, "print the roles that belong to the backup, and restore nothing")
	return c
}

func (a *app) restoreBackup(ctx context.Context, o restoreOptions) error {
	switch {
	case o.globals && (o.overLive || o.into != ""), o.overLive && o.into != "":
		return operate.Misused("--into, --over-live and --globals are three different things: give one")
	case !o.globals && !o.overLive && o.into == "":
		return operate.Misused("say where to: --into NEWDB")
	case o.globals:
		return a.reading(func(s *session) (view.Page, error) { return nil, s.Project.Globals(ctx, o.name, a.Out) })
	}
	spec := engine.Spec{Name: "restore", Title: "Restore a backup"}
	return a.working(spec, func(s *session, say func(engine.Progress)) (view.Page, error) {
		if o.overLive {
			s.screen.close()
			if err := s.ConfirmLive(ctx, o.name, o.confirm); err != nil {
				return nil, err
			}
		}
		return s.RestoreBackup(ctx, backups.Restoration{Name: o.name, Into: o.into, Live: o.overLive}, say)
	})
}
