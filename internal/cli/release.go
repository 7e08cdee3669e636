package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/assemble"
	"fairlead/internal/atomicfile"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source/file"
)

type releaseOptions struct {
	app, tag, commit string
	images           []string
	migration        string
	argv, with       []string // of a migration that is a command
	out              string
	verifiedIn       string
	runID            string
	runAttempt       int64
	force            bool
}

func (a *app) releaseCommand() *cobra.Command {
	group := &cobra.Command{Use: "release", Short: "Release files", Args: args(cobra.NoArgs), RunE: group}
	var o releaseOptions
	c := &cobra.Command{
		Use:   "write --app APP --tag TAG --commit SHA --image SERVICE=REPO@sha256:… --migration FILE|none|command [-- PROGRAM ARG…]",
		Short: "Write release.json from digests and a migration file",
		Long: `Writes the file that carries a release: best in the job that ran the smoke tests of staging, after they passed. Images must be
digests; a tag can move. --migration is needed, and none is an answer. A release is immutable: another one is not written over it.

With --migration command the words after -- are a command of your own tool, which will run in the folder of the release file; files among
them, and those of --with, are bound to it by their sums.`,
		Args: func(c *cobra.Command, given []string) error {
			if o.migration == "command" {
				return args(cobra.MinimumNArgs(1))(c, given)
			}
			return args(cobra.NoArgs)(c, given)
		},
		RunE: func(c *cobra.Command, given []string) error {
			o.argv = given
			return runReleaseWrite(c.Context(), a, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.app, "app", "", "the app, as in fairlead.yaml (needed)")
	f.StringVar(&o.tag, "tag", "", "the version, like v1.8.0 (needed)")
	f.StringVar(&o.commit, "commit", "", "the commit, in full (needed)")
	f.StringArrayVar(&o.images, "image", nil, "SERVICE=REPO@sha256:…, once per service (needed)")
	f.StringVar(&o.migration, "migration", "", "the SQL file, in the folder of the release file or below, none, or command (needed)")
	f.StringArrayVar(&o.with, "with", nil, "a file or folder that the migration's command depends on, in the folder of the release file or below (may be repeated)")
	f.StringVarP(&o.out, "output", "o", "release.json", "where to write; - is standard output")
	f.StringVar(&o.verifiedIn, "verified-in", "", "the environment in which it was verified, like staging")
	f.StringVar(&o.runID, "run-id", "", "the id of the CI run")
	f.Int64Var(&o.runAttempt, "run-attempt", 0, "the attempt of the CI run")
	f.BoolVar(&o.force, "force", false, "write over another release")
	group.AddCommand(c)
	return group
}

// runReleaseWrite makes a release of the flags, and proves that what it wrote is what a deployment will read.
func runReleaseWrite(ctx context.Context, a *app, o releaseOptions) error {
	r, err := o.release()
	if err != nil {
		return err
	}
	b, err := r.JSON()
	if err != nil {
		return err
	}
	if o.out == "-" {
		_, err := a.Out.Write(b)
		return err
	}
	if err := o.mayWrite(b); err != nil {
		return err
	}
	if err := atomicfile.Write(o.out, b, 0o644); err != nil {
		return err
	}
	if _, err := file.New(o.out).Find(ctx, o.tag); err != nil {
		return err
	}
	id, err := r.ID()
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(struct {
			Path string `json:"path"`
			ID   string `json:"id"`
		}{o.out, id})
		return nil
	}
	a.answer("%s: release %s of %s, %d images, id %s", o.out, r.Tag, r.App, len(r.Images), id)
	return nil
}

func (o releaseOptions) release() (release.Release, error) {
	r := release.Release{App: o.app, Tag: o.tag, Commit: o.commit, RunID: o.runID, RunAttempt: o.runAttempt, VerifiedIn: o.verifiedIn}
	for _, s := range o.images {
		service, ref, ok := strings.Cut(s, "=")
		if !ok {
			return r, usagef("--image %q: it must be SERVICE=REPO@sha256:…", plain(s))
		}
		img, err := release.ParseImage(service, ref)
		if err != nil {
			return r, notPinned(err)
		}
		r.Images = append(r.Images, img)
	}
	slices.SortFunc(r.Images, func(a, b release.Image) int { return strings.Compare(a.Service, b.Service) })
	m, err := o.migrationOf()
	if err != nil {
		return r, err
	}
	r.Migration = m
	if err := r.Validate(); err != nil {
		return r, usage{err}
	}
	return r, nil
}

// migrationOf reads the SQL and names it as seen from the release file.
func (o releaseOptions) migrationOf() (*release.Migration, error) {
	dir, err := filepath.Abs(filepath.Dir(o.out))
	if err != nil {
		return nil, err
	}
	if len(o.with) > 0 && o.migration != "command" {
		return nil, usagef("--with is only for --migration command")
	}
	switch o.migration {
	case "":
		return nil, usagef("--migration is needed: the SQL file, none, or command")
	case "none":
		return nil, nil
	case "command":
		m, err := assemble.Bind(dir, o.argv, o.with)
		if err != nil {
			return nil, usagef("--migration command: %w", err)
		}
		return &m, nil
	}
	path, err := filepath.Abs(o.migration)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, usagef("--migration %s: it must lie in the folder of the release file or below, so that both travel together", o.migration)
	}
	sql, err := readLimited(o.migration, file.MaxSQL)
	if err != nil {
		return nil, usagef("--migration: %w", err)
	}
	return &release.Migration{File: filepath.ToSlash(rel), SHA256: release.SumDigest(sql).Hex()}, nil
}

// mayWrite refuses to write over another release: who read the old one would not know.
func (o releaseOptions) mayWrite(b []byte) error {
	was, err := os.ReadFile(o.out)
	if errors.Is(err, os.ErrNotExist) || err == nil && (bytes.Equal(was, b) || o.force) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault.Fault{Code: "release-exists", What: o.out + " holds another release", Means: "nothing was written; production is unchanged", Outcome: fault.Misused,
		Do: []fault.Command{{Line: "fairlead release write … -o OTHER.json", Why: "writes beside it"}, {Line: "fairlead release write … --force", Why: "writes over it"}}}
}

func notPinned(err error) error {
	return &fault.Fault{Code: "release-unpinned", What: "an image is not pinned to a digest", Err: err, Outcome: fault.Misused,
		Means: "nothing was written; production is unchanged",
		Do:    []fault.Command{{Line: "--image api=ghcr.io/owner/app/api@sha256:…", Why: "the digest that staging tested, as the push printed it"}}}
}

// readLimited reads a regular file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d KiB", path, limit>>10)
	}
	return b, nil
}
