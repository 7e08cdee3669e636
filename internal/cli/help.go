package cli

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
)

// everyday lists the commands of the default help, in the order in which one meets them.
func everyday() []string {
	return []string{"init", "check", "review", "plan", "deploy", "resume", "rollback", "abandon", "status", "history",
		"show", "release write"}
}

// helpCommand is `help [command]` and `help --all`.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	all := false
	c := &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command; --all lists every one",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				a.help(root, all)
				return nil
			}
			c, rest, err := root.Find(args)
			if err != nil || c == root || len(rest) > 0 {
				return operate.Misused("there is no command %q", strings.Join(args, " "))
			}
			return c.Help()
		},
	}
	c.Flags().BoolVar(&all, "all", false, "every command")
	return c
}

// help prints the list of commands: the dozen of every day, or all.
func (a *app) help(root *cobra.Command, all bool) {
	var b strings.Builder
	b.WriteString("fairlead takes a tagged release into production, provably.\n\nusage: fairlead COMMAND [flags]\n\n")
	for _, c := range listed(root, all) {
		fmt.Fprintf(&b, "  %-15s %s\n", pathOf(c), c.Short)
	}
	b.WriteString("\nflags of every command:\n")
	b.WriteString(root.PersistentFlags().FlagUsages())
	b.WriteString("\nfairlead help COMMAND tells more")
	if !all {
		b.WriteString("; fairlead help --all lists the rest")
	}
	b.WriteString(".\nThe exit status says what became of production: see docs/exit-codes.md.\n")
	fmt.Fprint(a.Out, b.String())
}

// listed gives the commands that do something, everyday ones first, as far as all says.
func listed(root *cobra.Command, all bool) []*cobra.Command {
	var found []*cobra.Command
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.Runnable() && c != root && (all || slices.Contains(everyday(), pathOf(c))) {
			found = append(found, c)
		}
	}
	walk(root)
	rank := func(c *cobra.Command) int {
		if i := slices.Index(everyday(), pathOf(c)); i >= 0 {
			return i
		}
		return len(everyday())
	}
	slices.SortStableFunc(found, func(a, b *cobra.Command) int { return rank(a) - rank(b) })
	return found
}

// pathOf is how a command is called, without the program.
func pathOf(c *cobra.Command) string { return strings.TrimPrefix(c.CommandPath(), "fairlead ") }

//go:embed help/*.txt
var helpTexts embed.FS

// describe gives each command the text that stands under its name in the folder help.
func describe(c *cobra.Command) {
	if text, err := helpTexts.ReadFile("help/" + strings.ReplaceAll(pathOf(c), " ", "-") + ".txt"); err == nil {
		c.Long = strings.TrimSuffix(string(text), "\n")
	}
	for _, sub := range c.Commands() {
		describe(sub)
	}
}
