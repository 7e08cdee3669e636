package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/operate"
)

func (a *app) databaseCommand() *cobra.Command {
	var print bool
	setup := &cobra.Command{
		Use:   "setup --print",
		Short: "Print the statements that make the place of the markers",
		Args:  args(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return a.printSetup(print) },
	}
	setup.Flags().BoolVar(&print, "print", false, "print the statements (the only thing it does)")
	return group("database", "What fairlead needs in the database", setup)
}

// printSetup prints the statements; it opens no connection.
func (a *app) printSetup(print bool) error {
	if !print {
		return operate.Misused("database setup prints and does nothing else: say --print")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	sql, err := assemble.SetupSQL(c)
	if err != nil {
		return err
	}
	a.answer("%s", sql)
	return nil
}
