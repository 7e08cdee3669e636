// Package dir keeps backups in a directory of this machine. An object is written under a hidden name, made durable, and
// then linked to its own name, never over another one; what a killed process left hidden is removed by the next. The
// files are package objectdir's; this package makes a store of them. Start with Open.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/fault"
	"fairlead/internal/objectdir"
)

// Config is the block of a store of kind dir.
type Config struct {
	// Directory that keeps the backups; made with mode 0700 when it is missing.
	Path config.Path `yaml:"path,required"`
	// Says that the directory outlives this machine's job although a CI system runs it (a mounted volume).
	Durable bool `yaml:"durable"`
	// Space that must be free before a backup is begun, in MB.
	MinFree int64 `yaml:"min_free_mb"`
}

// Defaults asks for 256 MB.
func (c *Config) Defaults() { c.MinFree = 256 }

// Store is one directory.
type Store struct {
	files   objectdir.Dir
	minFree int64
}

var _ backup.PrunableStore = (*Store)(nil)

// Open reads the configuration and changes nothing. env answers for variables that tell a CI system; there, a directory
// that is not declared durable is refused with backup.ErrEphemeral.
func Open(c Config, env func(string) (string, bool)) (*Store, error) {
	if c.Path == "" {
		return nil, fmt.Errorf("backup directory: no path is given")
	}
	if ci := ciSystem(env); ci != "" && !c.Durable {
		return nil, &fault.Fault{Code: "backup-ephemeral", Err: backup.ErrEphemeral, Outcome: fault.Refused,
			What:  fmt.Sprintf("%s is on a runner's disk (%s is set) and would be gone with the job", c.Path, ci),
			Means: "no backup was taken and nothing was changed",
			Do: []fault.Command{{Line: "backup: {store: {kind: dir, path: …, durable: true}}",
				Why: "in fairlead.yaml, if the directory is on a volume that stays"}}}
	}
	return &Store{files: objectdir.Dir{Path: filepath.Clean(c.Path.String())}, minFree: c.MinFree << 20}, nil
}

func ciSystem(env func(string) (string, bool)) string {
	for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "CI"} {
		if v, set := env(name); set && v != "" && v != "0" && !strings.EqualFold(v, "false") {
			return name
		}
	}
	return ""
}

// Location gives the directory.
func (s *Store) Location() string { return s.files.Path }

// Put begins an object. It removes what dead processes left, and refuses a name that is taken and a disk that is nearly
// full.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enoughSpace(); err != nil {
		return nil, err
	}
	p, err := s.files.Begin(name)
	if err != nil {
		return nil, storeError(fmt.Errorf("begin a backup in %s: %w", s.files.Path, err))
	}
	return &partial{p: p}, nil
}

// Ready tells why a backup could not be begun: a place that is no directory, that may not be written, or that is nearly
// full. Nothing is made by it; where the directory is missing, the nearest existing parent counts.
func (s *Store) Ready(context.Context) error {
	if err := s.files.Writable(); err != nil {
		return err
	}
	return s.enoughSpace()
}

func (s *Store) enoughSpace() error {
	free, err := s.Free()
	if err != nil {
		return err
	}
	return backup.CheckSpace(s.files.Path, free, s.minFree)
}

// Free gives the bytes that are free for us on the store's disk; the nearest existing parent counts where the directory
// is missing.
func (s *Store) Free() (int64, error) { return s.files.Free() }

// Open reads a visible object.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	f, err := s.files.Open(name)
	if err != nil {
		return nil, storeError(err)
	}
	return &reader{ctx: ctx, f: f}, nil
}

// List gives the visible objects, newest first; none where there is no directory yet.
func (s *Store) List(ctx context.Context) ([]backup.Object, error) {
	files, err := s.files.List()
	if err != nil {
		return nil, err
	}
	return objects(files), ctx.Err()
}

func objects(files []objectdir.File) []backup.Object {
	var all []backup.Object
	for _, f := range files {
		all = append(all, backup.Object(f))
	}
	return all
}

// Delete removes a visible object for good.
func (s *Store) Delete(_ context.Context, name, reason string) error {
	if err := backup.CheckReason(reason); err != nil {
		return err
	}
	return storeError(s.files.Remove(name))
}

// Sweep removes what dead processes left before a time.
func (s *Store) Sweep(_ context.Context, before time.Time, dry bool) ([]backup.Object, error) {
	files, err := s.files.Sweep(before, dry)
	return objects(files), err
}

// storeError gives an error of files that of a store.
func storeError(err error) error {
	for from, to := range map[error]error{objectdir.ErrExists: backup.ErrExists,
		objectdir.ErrMissing: backup.ErrMissing, objectdir.ErrFull: backup.ErrFull} {
		if errors.Is(err, from) {
			return backup.As(to, err)
		}
	}
	return err
}

// partial is an object being written.
type partial struct {
	p      *objectdir.Partial
	reread bool
}

func (p *partial) Write(b []byte) (int, error) {
	if p.reread {
		return 0, backup.ErrReread
	}
	n, err := p.p.Write(b)
	return n, storeError(err)
}

// Reread makes what is written durable and reads it back.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	p.reread = true
	f, err := p.p.Reread()
	if err != nil {
		return nil, storeError(err)
	}
	return &reader{ctx: ctx, f: f}, nil
}

func (p *partial) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return storeError(p.p.Commit())
}

// Abort removes the object; after Commit it does nothing.
func (p *partial) Abort() error { return p.p.Abort() }

// reader ends with its context.
type reader struct {
	ctx context.Context
	f   *os.File
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.f.Read(b)
}

func (r *reader) Close() error { return r.f.Close() }
