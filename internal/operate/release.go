package operate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fairlead/internal/assemble"
	"fairlead/internal/atomicfile"
	"fairlead/internal/config"
	"fairlead/internal/fault"
	"fairlead/internal/planner"
	"fairlead/internal/release"
	"fairlead/internal/source"
	"fairlead/internal/ui"
)

// Kinds of migration that are no file.
const (
	NoMigration      = "none"
	CommandMigration = "command"
)

// A ReleaseRequest is what a release file is made of.
type ReleaseRequest struct {
	App, Tag, Commit string
	Images           []string // SERVICE=REPO@sha256:…
	Migration        string   // a file, NoMigration or CommandMigration
	Argv, With       []string // of a migration that is a command
	Out              string   // where it will stand
	VerifiedIn       string
	RunID            string // of the CI
	RunAttempt       int64
	Force            bool // over another release
}

// Release makes the release.
func (r ReleaseRequest) Release() (release.Release, error) {
	out := release.Release{App: r.App, Tag: r.Tag, Commit: r.Commit, RunID: r.RunID, RunAttempt: r.RunAttempt,
		VerifiedIn: r.VerifiedIn}
	for _, s := range r.Images {
		service, ref, ok := strings.Cut(s, "=")
		if !ok {
			return out, Misused("--image %q: it must be SERVICE=REPO@sha256:…", ui.Plain(s))
		}
		img, err := release.ParseImage(service, ref)
		if err != nil {
			return out, &fault.Fault{Code: "release-unpinned", What: "an image is not pinned to a digest", Err: err,
				Outcome: fault.Misused, Means: "nothing was written; production is unchanged",
				Do: []fault.Command{{Line: "--image api=ghcr.io/owner/app/api@sha256:…",
					Why: "the digest that staging tested, as the push printed it"}}}
		}
		out.Images = append(out.Images, img)
	}
	slices.SortFunc(out.Images, func(a, b release.Image) int { return strings.Compare(a.Service, b.Service) })
	var err error
	if out.Migration, err = r.migration(); err != nil {
		return out, err
	}
	if err := out.Validate(); err != nil {
		return out, misuse{err}
	}
	return out, nil
}

// migration reads the SQL and names it as seen from the release file.
func (r ReleaseRequest) migration() (*release.Migration, error) {
	dir, err := filepath.Abs(filepath.Dir(r.Out))
	if err != nil {
		return nil, err
	}
	if len(r.With) > 0 && r.Migration != CommandMigration {
		return nil, Misused("--with is only for --migration command")
	}
	switch r.Migration {
	case "":
		return nil, Misused("--migration is needed: the SQL file, none, or command")
	case NoMigration:
		return nil, nil
	case CommandMigration:
		m, err := planner.BindCommand(dir, r.Argv, r.With)
		if err != nil {
			return nil, Misused("--migration command: %w", err)
		}
		return &m, nil
	}
	path, err := filepath.Abs(r.Migration)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, Misused("--migration %s: it must lie in the folder of the release file or below, so that both "+
			"travel together", r.Migration)
	}
	sql, err := ReadFile(r.Migration, source.MaxSQL)
	if err != nil {
		return nil, Misused("--migration: %w", err)
	}
	return &release.Migration{File: filepath.ToSlash(rel), SHA256: release.SumDigest(sql).Hex()}, nil
}

// Write writes a release file, and proves that it is what a deployment will read. Another release is not written over:
// who read the old one would not know.
func (r ReleaseRequest) Write(ctx context.Context, content []byte) error {
	was, err := os.ReadFile(r.Out)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	case err == nil && !bytes.Equal(was, content) && !r.Force:
		return &fault.Fault{Code: "release-exists", What: r.Out + " holds another release", Outcome: fault.Misused,
			Means: "nothing was written; production is unchanged",
			Do: []fault.Command{{Line: "fairlead release write … -o OTHER.json", Why: "writes beside it"},
				{Line: "fairlead release write … --force", Why: "writes over it"}}}
	}
	if err := atomicfile.Write(r.Out, content, 0o644); err != nil {
		return err
	}
	written, err := assemble.Source(config.Config{}, r.Out)
	if err == nil {
		_, err = written.Find(ctx, r.Tag)
	}
	return err
}
