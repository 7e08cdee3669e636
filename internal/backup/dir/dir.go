// Package dir keeps backups in a directory. An object is written under a hidden name, made durable, and then linked to its own name,
// never over another one; what a killed process left hidden is removed by the next. It knows nothing of what is inside a backup.
// Start with Open.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/fault"
)

// Config is the block of a store of kind dir.
type Config struct {
	Path    config.Path `yaml:"path,required" doc:"Directory that keeps the backups; made with mode 0700 when it is missing."`
	Durable bool        `yaml:"durable" doc:"Says that the directory outlives this machine's job although a CI system runs it (a mounted volume)."`
	MinFree int64       `yaml:"min_free_mb" doc:"Space that must be free before a backup is begun, in MB."`
}

// Defaults asks for 256 MB.
func (c *Config) Defaults() { c.MinFree = 256 }

// Store is one directory.
type Store struct {
	path    string
	minFree int64
}

var _ backup.Store = (*Store)(nil)

// ErrFull: the disk has no room for a backup; test with errors.Is.
var ErrFull = errors.New("there is not enough free space for a backup")

// Open reads the configuration and changes nothing. env answers for variables that tell a CI system; there, a directory that is not
// declared durable is refused with backup.ErrEphemeral.
func Open(c Config, env func(string) (string, bool)) (*Store, error) {
	if c.Path == "" {
		return nil, fmt.Errorf("backup directory: no path is given")
	}
	if ci := ciSystem(env); ci != "" && !c.Durable {
		return nil, &fault.Fault{Code: "backup-ephemeral", Err: backup.ErrEphemeral, Outcome: fault.Refused,
			What:  fmt.Sprintf("%s is on a runner's disk (%s is set) and would be gone with the job", c.Path, ci),
			Means: "no backup was taken and nothing was changed",
			Do:    []fault.Command{{Line: "backup: {store: {kind: dir, path: …, durable: true}}", Why: "in fairlead.yaml, if the directory is on a volume that stays"}}}
	}
	return &Store{path: filepath.Clean(c.Path.String()), minFree: c.MinFree << 20}, nil
}

func ciSystem(env func(string) (string, bool)) string {
	for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "CI"} {
		if v, set := env(name); set && v != "" && v != "0" && !strings.EqualFold(v, "false") {
			return name
		}
	}
	return ""
}

// Place gives the directory.
func (s *Store) Place() string { return s.path }

var objectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,199}$`)

func checkName(name string) error {
	if !objectName.MatchString(name) {
		return fmt.Errorf("%q is not a name for a backup (letters, digits, dots and dashes)", name)
	}
	return nil
}

// Put begins an object. It removes what dead processes left, and refuses a name that is taken and a disk that is nearly full.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.path, 0o700); err != nil {
		return nil, fmt.Errorf("make the backup directory: %w", err)
	}
	s.clean()
	if _, err := os.Lstat(filepath.Join(s.path, name)); err == nil {
		return nil, fmt.Errorf("%w: %s", backup.ErrExists, name)
	}
	if err := s.roomy(); err != nil {
		return nil, err
	}
	return s.begin(name)
}

// Ready tells why a backup could not be begun: a place that is no directory, that may not be written, or that is nearly full. Nothing is
// made by it; where the directory is missing, the nearest existing parent counts.
func (s *Store) Ready(context.Context) error {
	at := s.path
	info, err := os.Stat(at)
	for errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at) {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	switch {
	case err != nil:
		return fmt.Errorf("look at the backup directory: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", at)
	}
	if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%s may not be written: %w", at, err)
	}
	return s.roomy()
}

// roomy tells when the disk is nearly full.
func (s *Store) roomy() error {
	free, err := s.Free()
	if err != nil {
		return err
	}
	if free < s.minFree {
		return fmt.Errorf("%w: %s has %d MB, at least %d are wanted", ErrFull, s.path, free>>20, s.minFree>>20)
	}
	return nil
}

// Free gives the bytes that are free for us on the store's disk; the nearest existing parent counts where the directory is missing.
func (s *Store) Free() (int64, error) {
	for at := s.path; ; at = filepath.Dir(at) {
		free, err := freeAt(at)
		if errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("ask for free space at %s: %w", at, err)
		}
		return free, nil
	}
}

// Open reads a visible object.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", backup.ErrMissing, err)
	}
	f, err := openRegular(filepath.Join(s.path, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s in %s", backup.ErrMissing, name, s.path)
	}
	if err != nil {
		return nil, fmt.Errorf("open backup %s: %w", name, err)
	}
	return &reader{ctx: ctx, f: f}, nil
}

// List gives the visible objects, newest first; none where there is no directory yet.
func (s *Store) List(ctx context.Context) ([]backup.Object, error) {
	entries, err := os.ReadDir(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	var all []backup.Object
	for _, e := range entries {
		if !e.Type().IsRegular() || !objectName.MatchString(e.Name()) {
			continue
		}
		st, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list backups: %w", err)
		}
		all = append(all, backup.Object{Name: e.Name(), Size: st.Size(), At: st.ModTime().UTC()})
	}
	slices.SortFunc(all, func(a, b backup.Object) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(b.Name, a.Name)
	})
	return all, ctx.Err()
}

// partialAge is how old a hidden file must be before anybody may think it left over: its maker locks it within this time.
const partialAge = time.Minute

// clean removes hidden files that no process holds any more.
func (s *Store) clean() {
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !isPartial(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		st, err := e.Info()
		if err != nil || time.Since(st.ModTime()) < partialAge {
			continue
		}
		s.cleanOne(filepath.Join(s.path, e.Name()))
	}
}

func (s *Store) cleanOne(path string) {
	f, err := openRegular(path)
	if err != nil {
		return
	}
	defer f.Close()
	if lock(f) == nil {
		_ = os.Remove(path)
	}
}
