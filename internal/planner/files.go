package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"fairlead/internal/release"
	"fairlead/internal/step"
)

// maxBound bounds one file that a command is bound to, in bytes.
const maxBound = 1 << 30

// BindCommand gives the migration that a command is, bound to the files that it names: every word that is a regular
// file in the folder or below, and every file (or folder, with all that is in it) of more.
func BindCommand(dir string, command, more []string) (release.Migration, error) {
	m := release.Migration{Command: command, Files: map[string]string{}}
	for _, word := range command {
		if regularIn(dir, word) {
			more = append(slices.Clone(more), word)
		}
	}
	for _, name := range more {
		if !filepath.IsLocal(name) {
			return m, fmt.Errorf("%s lies outside the current folder", name)
		}
		if err := bind(dir, name, m.Files); err != nil {
			return m, err
		}
	}
	var err error
	if m.SHA256, err = release.CommandSum(m.Command, m.Files); err != nil {
		return m, err
	}
	return m, m.Validate()
}

func bind(dir, name string, files map[string]string) error {
	return filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		sum, err := sumFile(dir, rel)
		files[filepath.ToSlash(rel)] = sum
		return err
	})
}

// sumFile hashes a regular file in a folder or below; no symbolic link leads out.
func sumFile(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxBound {
		return "", errors.Join(err, fmt.Errorf("%s is no regular file of at most 1 GiB", name))
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxBound+1)); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// filesUnchanged tells whether the files of a command are those that it was bound to.
func filesUnchanged(m step.Migration) func() error {
	return func() error {
		var all []string
		for name, want := range m.Command.Files {
			got, err := sumFile(m.Dir, name)
			var path *fs.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			switch {
			case err != nil:
				all = append(all, fmt.Sprintf("%s: %v", name, err))
			case got != want:
				all = append(all, fmt.Sprintf("%s has the sha256 %.12s, it was bound with %.12s", name, got, want))
			}
		}
		for _, word := range m.Command.Command {
			if _, ok := m.Command.Files[filepath.ToSlash(filepath.Clean(word))]; ok || !regularIn(m.Dir, word) {
				continue
			}
			all = append(all, word+" is a file that the command names, and it is not bound: list it under files")
		}
		if len(all) == 0 {
			return nil
		}
		slices.Sort(all)
		return errors.New(strings.Join(all[:min(5, len(all))], "; "))
	}
}

// regularIn tells whether a word names a regular file in a folder or below.
func regularIn(dir, word string) bool {
	st, err := os.Stat(filepath.Join(dir, word))
	return err == nil && filepath.IsLocal(word) && st.Mode().IsRegular()
}
