package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/atomicfile"
	"fairlead/internal/cli/scaffold"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
)

func (a *app) initCommand() *cobra.Command {
	var o scaffold.Options
	var force bool
	c := command("init", "Write fairlead.yaml from your compose file", cobra.NoArgs,
		func(context.Context, []string) error { return a.init(o, force) })
	f := c.Flags()
	f.StringVarP(&o.File, "file", "f", "", "the compose file; found by its usual names otherwise")
	f.StringVar(&o.App, "app", "", "name of the app; the name of this folder otherwise")
	f.StringVar(&o.Environment, "environment", "production", "name of the environment")
	f.StringVar(&o.Host, "host", "", "where it runs: local, or ssh://user@host:22")
	f.StringVar(&o.Directory, "directory", "", "the folder of the project on the host")
	f.BoolVar(&force, "force", false, "write over an existing file")
	return c
}

// init writes the configuration.
func (a *app) init(o scaffold.Options, force bool) error {
	if _, err := os.Lstat(a.configPath); err == nil && !force {
		return &fault.Fault{Code: "config-exists", What: a.configPath + " exists already", Outcome: fault.Misused,
			Means: "nothing was written; production is unchanged",
			Do: []fault.Command{{Line: "fairlead check", Why: "tests it"},
				{Line: "fairlead init --force", Why: "writes over it"}}}
	}
	draft, err := scaffold.New(o)
	if err != nil {
		return err
	}
	if len(draft.Services) > 0 {
		if err := atomicfile.Write(a.configPath, []byte(draft.Config), 0o644); err != nil {
			return err
		}
		a.answer("wrote %s: %s", a.configPath, strings.Join(draft.Services, ", "))
	}
	fmt.Fprint(a.Out, draft.Patch)
	if len(draft.Services) == 0 {
		return &fault.Fault{Code: "no-image-variable", Outcome: fault.Misused,
			What:  "no service of " + ui.Clean(draft.File) + " takes its image from a variable",
			Means: "nothing was written; production is unchanged",
			Do:    []fault.Command{{Line: "fairlead init", Why: "again, once the patch above is applied"}}}
	}
	a.answer("next: fill in what is marked TODO, then fairlead check")
	return nil
}
