// Package file is the source of releases that lie as files on this machine: a release.json, or a directory of them,
// with the migration's SQL beside it. It resolves nothing: tags in the file are refused by its parser, and what the
// file claims of staging is labelled "asserted". Start with New.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"fairlead/internal/release"
	"fairlead/internal/source"
)

// Source finds releases under a path.
type Source struct{ path string }

var _ source.Source = Source{}

// New gives the source of a release file or of a directory, in which a tag's release is <tag>/release.json, <tag>.json
// or, if that is the only one, release.json.
func New(path string) Source { return Source{path: path} }

// Find reads the release with that tag; an empty tag takes whatever the file holds. Errors are a *fault.Fault; a
// release with another tag, or none at all, matches source.ErrNotFound. The SQL is read only if it is a regular file in
// the folder of the release file or below, and only the bytes that the release names by their SHA-256 are given.
func (s Source) Find(ctx context.Context, tag string) (source.Found, error) {
	if err := ctx.Err(); err != nil {
		return source.Found{}, err
	}
	path, err := s.locate(tag)
	if err != nil {
		return source.Found{}, err
	}
	r, err := readRelease(path)
	if err != nil {
		return source.Found{}, err
	}
	if tag != "" && r.Tag != tag {
		return source.Found{}, otherTag(path, tag, r.Tag)
	}
	found := source.Found{Release: r, From: path, Claims: source.Asserts(r)}
	switch {
	case r.Migration == nil:
		return found, nil
	case r.Migration.Commanded():
		found.Dir, err = filepath.Abs(filepath.Dir(path))
		return found, err
	}
	found.SQL, err = readSQL(filepath.Dir(path), *r.Migration)
	return found, err
}

// locate tells which file holds the release of a tag.
func (s Source) locate(tag string) (string, error) {
	st, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", missing(s.path, tag)
	}
	if err != nil {
		return "", unreadable(s.path, err)
	}
	if !st.IsDir() {
		return s.path, nil
	}
	names := []string{"release.json"}
	if tag != "" && filepath.IsLocal(tag) && filepath.Base(tag) == tag {
		names = []string{filepath.Join(tag, "release.json"), tag + ".json", "release.json"}
	}
	for _, n := range names {
		if _, err := os.Stat(filepath.Join(s.path, n)); err == nil {
			return filepath.Join(s.path, n), nil
		}
	}
	return "", missing(s.path, tag)
}

func readRelease(path string) (release.Release, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return release.Release{}, missing(path, "")
	}
	if err != nil {
		return release.Release{}, unreadable(path, err)
	}
	defer f.Close()
	if err := regular(f, release.MaxFile); err != nil {
		return release.Release{}, unreadable(path, err)
	}
	r, err := release.Parse(f)
	if err != nil {
		return release.Release{}, unusable(path, err)
	}
	return r, nil
}

// readSQL opens the file inside dir and nowhere else: neither .. nor a symbolic link leads out.
func readSQL(dir string, m release.Migration) ([]byte, error) {
	path := filepath.Join(dir, m.File)
	if !filepath.IsLocal(m.File) {
		return nil, noSQL(m.File, errors.New("it lies outside the folder of the release file"))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, noSQL(path, err)
	}
	defer root.Close()
	f, err := root.OpenFile(m.File, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, noSQL(path, plain(err))
	}
	defer f.Close()
	if err := regular(f, source.MaxSQL); err != nil {
		return nil, noSQL(path, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, source.MaxSQL+1))
	if err != nil {
		return nil, noSQL(path, plain(err))
	}
	if len(b) > source.MaxSQL {
		return nil, noSQL(path, tooLarge(source.MaxSQL))
	}
	if got := release.SumDigest(b).Hex(); got != m.SHA256 {
		return nil, otherSQL(path, m.SHA256, got, len(b))
	}
	return b, nil
}

// regular refuses devices, pipes and folders, and files that are too large, before a byte is read.
func regular(f *os.File, most int64) error {
	st, err := f.Stat()
	if err != nil {
		return plain(err)
	}
	switch {
	case !st.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case st.Size() > most:
		return tooLarge(most)
	case st.Size() == 0 && most == release.MaxFile:
		return errors.New("it is empty")
	}
	return nil
}

func tooLarge(most int64) error { return fmt.Errorf("it is larger than %d MiB", most>>20) }

// plain drops operation and path of an error: the sentence around it names the file.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
