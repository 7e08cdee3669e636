package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
)

// root builds the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "fairlead",
		Short:         "Takes a tagged release into production, provably",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          a.runRoot,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", "fairlead.yaml", "the configuration")
	flags.BoolVar(&a.json, "json", false, "answer in JSON on standard output")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "tell more of the story")
	flags.BoolVar(&a.noColor, "no-color", false, "no colour and no moving screen")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return operate.Misused("%s: %w", c.CommandPath(), err)
	})
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	for _, c := range []*cobra.Command{
		a.initCommand(), a.checkCommand(), a.reviewCommand(), a.catalogCommand(), a.migrateCommand(),
		a.databaseCommand(), a.backupCommand(), a.releaseCommand(), a.planCommand(), a.deployCommand(),
		a.resumeCommand(), a.rollbackCommand(), a.abandonCommand(), a.statusCommand(), a.historyCommand(),
		a.showCommand(), a.recordCommand(), a.ledgerCommand(), a.notesCommand(), a.versionCommand(),
	} {
		root.AddCommand(c)
	}
	root.SetHelpCommand(a.helpCommand(root))
	describe(root)
	inherited := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c == root {
			a.help(root, false)
			return
		}
		inherited(c, args)
	})
	return root
}

// runRoot answers a call without a command, or with one that does not exist.
func (a *app) runRoot(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		a.help(c, false)
		return nil
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return operate.Misused("there is no command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return operate.Misused("there is no command %q", args[0])
}

// command is a command that does something; a complaint about its arguments shows the right call.
func command(use, short string, check cobra.PositionalArgs,
	do func(ctx context.Context, given []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args(check),
		RunE: func(c *cobra.Command, given []string) error { return do(c.Context(), given) }}
}

// args turns cobra's complaint about arguments into a usage error that shows the right call.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return operate.Misused("%w; it is called like this: %s", err, c.UseLine())
		}
		return nil
	}
}
