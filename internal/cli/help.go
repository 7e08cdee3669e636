package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/operate"
)

// everyday lists the commands of the default help, in the order in which one meets them.
func everyday() []string {
	return []string{"init", "check", "review", "plan", "deploy", "resume", "rollback", "abandon", "status", "history", "show", "release write"}
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
	for _, c := range leaves(root, "") {
		if all || isEveryday(c.path) {
			fmt.Fprintf(&b, "  %-15s %s\n", c.path, c.short)
		}
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

type leaf struct{ path, short string }

// leaves lists all commands that do something, everyday ones first.
func leaves(root *cobra.Command, _ string) []leaf {
	found := map[string]string{}
	var order []string
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		for _, sub := range c.Commands() {
			name := strings.TrimSpace(path + " " + sub.Name())
			if sub.HasSubCommands() {
				walk(sub, name)
				if !sub.Runnable() {
					continue
				}
			}
			found[name] = sub.Short
			order = append(order, name)
		}
	}
	walk(root, "")
	var all []leaf
	for _, name := range append(everyday(), order...) {
		if short, ok := found[name]; ok {
			all = append(all, leaf{name, short})
			delete(found, name)
		}
	}
	return all
}

func isEveryday(path string) bool {
	for _, e := range everyday() {
		if e == path {
			return true
		}
	}
	return false
}
