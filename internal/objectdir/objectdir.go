// Package objectdir keeps files in a directory so that each appears under its name whole or not at all, and never over
// another one. It knows nothing of what is in them and takes no decision about them. Start with Dir; Partial is a file
// being written.
package objectdir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fairlead/internal/atomicfile"
	"fairlead/internal/filelock"
)

// The sentinels of a directory; test with errors.Is.
var (
	// ErrExists: a file of that name is there.
	ErrExists = errors.New("a file of that name exists")
	// ErrMissing: there is no file of that name.
	ErrMissing = errors.New("there is no such file")
	// ErrFull: the disk or the quota has no room.
	ErrFull = errors.New("there is not enough free space")
	// ErrName: a word that is not the name of a file here.
	ErrName = errors.New("not a name (letters, digits, dots and dashes)")
)

// A Dir is a directory of files. Where it is missing, reading finds nothing and writing makes it. Its files can be read
// by the owner only, or, with Group, by the group too.
type Dir struct {
	Path  string
	Group bool
}

// A File is one file of a directory.
type File struct {
	Name string
	Size int64
	At   time.Time
}

// CheckName tells why a word is not a name: it has other characters than ASCII letters, digits, dots and dashes, begins
// with a dot or a dash, or is longer than 200. It gives ErrName.
func CheckName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if name == "" || len(name) > 200 || name[0] == '.' || name[0] == '-' || strings.Trim(name, letters+".-") != "" {
		return fmt.Errorf("%.210q is %w", name, ErrName)
	}
	return nil
}

// Open opens a file for reading. It follows no link and waits for no pipe.
func (d Dir) Open(name string) (*os.File, error) {
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	f, err := openRegular(filepath.Join(d.Path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s in %s", ErrMissing, name, d.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return f, nil
}

// List gives the files, newest first.
func (d Dir) List() ([]File, error) {
	return d.files(func(name string) bool { return CheckName(name) == nil })
}

func (d Dir) files(wanted func(name string) bool) ([]File, error) {
	entries, err := os.ReadDir(d.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", d.Path, err)
	}
	var all []File
	for _, e := range entries {
		if !e.Type().IsRegular() || !wanted(e.Name()) {
			continue
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", d.Path, err)
		}
		all = append(all, File{Name: e.Name(), Size: st.Size(), At: st.ModTime().UTC()})
	}
	slices.SortFunc(all, func(a, b File) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Name, a.Name))
	})
	return all, nil
}

// Remove removes a file durably.
func (d Dir) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	path := filepath.Join(d.Path, name)
	if st, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) || err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%w: %s in %s", ErrMissing, name, d.Path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return atomicfile.SyncDir(d.Path)
}

// Writable tells why no file could be begun: no directory, no right. Nothing is made; where the directory is missing,
// the nearest existing parent counts.
func (d Dir) Writable() error {
	at, err := d.nearest()
	if err != nil {
		return err
	}
	if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%s may not be written: %w", at, err)
	}
	return nil
}

// Free gives the bytes that are free for us on the disk of the directory, or of its nearest existing parent.
func (d Dir) Free() (int64, error) {
	at, err := d.nearest()
	if err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(at, &st); err != nil {
		return 0, fmt.Errorf("ask for free space at %s: %w", at, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// SameDisk tells whether a path is on the same disk as the directory, or its nearest existing parent; false where that
// cannot be told.
func (d Dir) SameDisk(path string) bool {
	at, err := d.nearest()
	if err != nil {
		return false
	}
	var a, b unix.Stat_t
	return unix.Stat(at, &a) == nil && unix.Stat(path, &b) == nil && a.Dev == b.Dev
}

func (d Dir) nearest() (string, error) {
	for at := d.Path; ; at = filepath.Dir(at) {
		st, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return "", fmt.Errorf("look at the directory: %w", err)
		case !st.IsDir():
			return "", fmt.Errorf("%s is not a directory", at)
		}
		return at, nil
	}
}

// partialAge is how old a hidden file must be before anybody may think it left over: its maker locks it within this
// time.
const partialAge = time.Minute

// Sweep removes hidden files that were last written to before a time, at least a minute ago, and that no process holds
// any more; dry only tells them.
func (d Dir) Sweep(before time.Time, dry bool) ([]File, error) {
	if young := time.Now().Add(-partialAge); before.After(young) {
		before = young
	}
	hidden, err := d.files(isPartial)
	if err != nil {
		return nil, err
	}
	var swept []File
	for _, f := range hidden {
		if !f.At.Before(before) {
			continue
		}
		if gone, err := sweepOne(filepath.Join(d.Path, f.Name), dry); err != nil {
			return swept, err
		} else if gone {
			swept = append(swept, f)
		}
	}
	return swept, nil
}

func sweepOne(path string, dry bool) (bool, error) {
	f, err := openRegular(path)
	if err != nil {
		// it is gone, or not ours
		return false, nil
	}
	defer f.Close()
	if held := filelock.Try(f, filelock.Exclusive) != nil; held || dry {
		return !held, nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("remove what is left over: %w", err)
	}
	return true, nil
}
