package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

// commanded binds the command of a call to the files that it names.
func (a *app) commanded(m assemble.Migration, o migrateOptions) (assemble.Migration, error) {
	dir, err := os.Getwd()
	if err != nil {
		return m, fmt.Errorf("find the current folder: %w", err)
	}
	m.Dir = dir
	if m.Command, err = assemble.Bind(dir, o.argv, o.with); err != nil {
		return m, usagef("--command: %w", err)
	}
	m.File = m.Command.Line()
	return m, nil
}

// neverSeen refuses to run a command whose earlier end is not known, before a run is opened.
func neverSeen(s assemble.Standing, m assemble.Migration) error {
	u := s.Units[0]
	return &fault.Fault{Code: "command-unsettled", Outcome: fault.Refused,
		What:  fmt.Sprintf("run %s started this command at %s, and how it ended is not known", u.Run, clock(u.At)),
		Means: "nothing was changed by this command; what that run left is as unknown as before",
		Do: []fault.Command{{Line: "fairlead show " + u.Run, Why: "what is known of it"},
			{Line: "fairlead migrate apply --again --reason '…' --command " + m.Command.Call(), Why: "runs it again, once you have looked at the tool's own history"}}}
}

func (a *app) migrateWaiveCommand() *cobra.Command {
	var o migrateOptions
	var until, releaseFile string
	c := &cobra.Command{
		Use:   "waive --reason WHY --until DAY -- PROGRAM ARG… | --release FILE",
		Short: "Answer for a migration that is a command",
		Long: `Writes a waiver beside the configuration: it names the SHA-256 of the command and of the files that it is bound to, who answers, why and
until when. A changed word or file needs a new one. It stands in the plan and in the record.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, given []string) error {
			o.command, o.argv = true, given
			return a.waiveMigration(o, releaseFile, until)
		},
	}
	c.Flags().StringArrayVar(&o.with, "with", nil, "a file or folder that the command depends on, as in migrate apply")
	c.Flags().StringVar(&releaseFile, "release", "", "the release file whose migration is a command, instead of the command")
	c.Flags().StringVar(&o.reason, "reason", "", "why this is safe here, in 15 characters or more")
	c.Flags().StringVar(&until, "until", "", "the last day on which it is valid, like 2027-01-31")
	return c
}

func (a *app) waiveMigration(o migrateOptions, releaseFile, until string) error {
	m, err := a.toWaive(o, releaseFile)
	if err != nil {
		return err
	}
	w := sqlreview.Waiver{Fingerprint: step.CommandFingerprint(m), Rule: step.CommandRule, SHA256: m.SHA256, File: m.Line(), By: a.User + "@" + a.Host,
		Reason: o.reason, Until: until, At: a.Now().UTC().Format(time.RFC3339)}
	if err := w.Check(a.Now()); err != nil {
		return usagef("migrate waive: %w", err)
	}
	path := a.waivers("")
	if err := addWaiver(path, w); err != nil {
		return err
	}
	a.answer("%s: %s, with %d files bound, may run until %s", path, m.Line(), len(m.Files), until)
	return nil
}

// toWaive gives the command that is answered for.
func (a *app) toWaive(o migrateOptions, releaseFile string) (release.Migration, error) {
	switch {
	case releaseFile == "" && len(o.argv) == 0, releaseFile != "" && len(o.argv) > 0:
		return release.Migration{}, usagef("migrate waive: name the command after --, or --release FILE")
	case releaseFile == "":
		m, err := a.commanded(assemble.Migration{}, o)
		return m.Command, err
	}
	f, err := os.Open(filepath.Clean(releaseFile))
	if err != nil {
		return release.Migration{}, usagef("--release: %w", err)
	}
	defer f.Close()
	r, err := release.Parse(f)
	if err == nil && (r.Migration == nil || !r.Migration.Commanded()) {
		err = errors.New("its migration is no command")
	}
	if err != nil {
		return release.Migration{}, usagef("--release %s: %w", releaseFile, err)
	}
	return *r.Migration, nil
}

// decision reads what resume is told about a command whose end is not known.
func (a *app) decision(ctx context.Context, said, reason string) (step.Decision, error) {
	d := step.Decision{By: a.holder().Name, Reason: reason}
	switch said {
	case "":
		return step.Decision{}, nil
	case "applied":
		d.Applied = "yes"
	case "not-applied":
		d.Applied = "no"
	default:
		return d, usagef("--migration is applied or not-applied, not %q", said)
	}
	if reason == "" {
		return d, usagef("--migration needs --reason: it stands in the record")
	}
	return d, ctx.Err()
}
