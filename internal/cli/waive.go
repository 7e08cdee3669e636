package cli

import (
	"github.com/spf13/cobra"

	"fairlead/internal/operate"
)

func (a *app) waiveCommand() *cobra.Command {
	var r operate.ReviewRequest
	var reason, until string
	c := &cobra.Command{
		Use:   "waive FINGERPRINT FILE",
		Short: "Answer for one finding in one migration, without changing its bytes",
		Args:  args(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, given []string) error {
			r.Files = given[1:]
			w := a.workplace()
			answer := operate.Answer{By: a.name(), Reason: reason, Until: until, Now: a.Now()}
			f, err := w.WaiveFinding(c.Context(), r, given[0], answer)
			if err != nil {
				return err
			}
			a.answer("%s: %s [%s] is waived until %s, for this text only", w.WaiverFile(r.Waivers), f.Message, f.Rule,
				until)
			return nil
		},
	}
	reviewFlags(c, &r)
	c.Flags().StringVar(&reason, "reason", "", "why this is safe here, in 15 characters or more")
	c.Flags().StringVar(&until, "until", "", "the last day on which it is valid, like 2027-01-31")
	return c
}
