package cli

import "github.com/spf13/cobra"

func (a *app) statusCommand() *cobra.Command {
	return a.reader("status", "What runs now, by digest, and how far the open run is", (*session).Status)
}
