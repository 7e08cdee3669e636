package cli

import (
	"context"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
)

func (a *app) releaseCommand() *cobra.Command {
	var r operate.ReleaseRequest
	words := func(c *cobra.Command, given []string) error {
		r.Argv = given
		if r.Migration == operate.CommandMigration {
			return cobra.MinimumNArgs(1)(c, given)
		}
		return cobra.NoArgs(c, given)
	}
	c := command("write --app APP --tag TAG --commit SHA --image SERVICE=REPO@sha256:… --migration FILE|none|command "+
		"[-- PROGRAM ARG…]", "Write release.json from digests and a migration file", words,
		func(ctx context.Context, _ []string) error { return a.writeRelease(ctx, r) })
	f := c.Flags()
	f.StringVar(&r.App, "app", "", "the app, as in fairlead.yaml (needed)")
	f.StringVar(&r.Tag, "tag", "", "the version, like v1.8.0 (needed)")
	f.StringVar(&r.Commit, "commit", "", "the commit, in full (needed)")
	f.StringArrayVar(&r.Images, "image", nil, "SERVICE=REPO@sha256:…, once per service (needed)")
	f.StringVar(&r.Migration, "migration", "",
		"the SQL file, in the folder of the release file or below, none, or command (needed)")
	f.StringArrayVar(&r.With, "with", nil,
		"a file or folder that the migration's command depends on, in the folder of the release file or below (may "+
			"be repeated)")
	f.StringVarP(&r.Out, "output", "o", "release.json", "where to write; - is standard output")
	f.StringVar(&r.VerifiedIn, "verified-in", "", "the environment in which it was verified, like staging")
	f.StringVar(&r.RunID, "run-id", "", "the id of the CI run")
	f.Int64Var(&r.RunAttempt, "run-attempt", 0, "the attempt of the CI run")
	f.BoolVar(&r.Force, "force", false, "write over another release")
	return group("release", "Release files", c)
}

// writeRelease makes a release of the flags.
func (a *app) writeRelease(ctx context.Context, r operate.ReleaseRequest) error {
	rel, err := r.Release()
	if err != nil {
		return err
	}
	b, err := rel.JSON()
	if err != nil {
		return err
	}
	if r.Out == "-" {
		_, err := a.Out.Write(b)
		return err
	}
	if err := r.Write(ctx, b); err != nil {
		return err
	}
	id, err := rel.ID()
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(struct {
			Path string `json:"path"`
			ID   string `json:"id"`
		}{r.Out, id})
		return nil
	}
	a.answer("%s: release %s of %s, %d images, id %s", r.Out, rel.Tag, rel.App, len(rel.Images), id)
	return nil
}
