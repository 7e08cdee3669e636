// Package host keeps backups in a directory of a host, through the agent there: the dump never leaves the host's own
// connection. The agent does the work (partial names, fsync, hashes read back from the disk); this package carries
// bytes there and back. Start with Config and New.
package host

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/fault"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// Config is the block of a store of kind host.
type Config struct {
	// Which of target.hosts keeps the backups; the first one when it is not given.
	Host string `yaml:"host"`
	// Absolute directory on that host; made when it is missing, readable by the deploy user and its group. By default
	// below target.directory, in .fairlead.
	Path string `yaml:"path"`
	// Space that must be free there before a backup is begun, in MB.
	MinFree int64 `yaml:"min_free_mb"`
	// Where the database keeps its files on that host; a note tells when the backups are on the same disk. Known places
	// are looked at when it is not given.
	Database string `yaml:"database_directory"`
}

// Defaults asks for 256 MB.
func (c *Config) Defaults() { c.MinFree = 256 }

// Validate gives the key of the first value that cannot be, and why.
func (c Config) Validate() (key string, err error) {
	for key, p := range map[string]string{"path": c.Path, "database_directory": c.Database} {
		if p != "" && (wire.ObjectDir{Directory: p}).Validate() != nil {
			return key, fmt.Errorf("%q is not an absolute path of a directory on the host", p)
		}
	}
	return "", nil
}

// Place is where a host keeps backups when no path is given.
func Place(p wire.Place) string {
	return path.Join(p.Directory, ".fairlead", p.App, ".backups", p.Environment)
}

// Store is a directory of one host. It is safe for use by several goroutines.
type Store struct {
	host    *host.Host
	objects wire.ObjectDir
	minFree int64
	beside  []string
}

var _ backup.PrunableStore = (*Store)(nil)

// New names the directory of a host; place is that of the app there. It touches nothing.
func New(c Config, h *host.Host, place wire.Place) *Store {
	s := &Store{host: h, objects: wire.ObjectDir{Directory: c.Path}, minFree: c.MinFree << 20,
		// where the files of a database usually are
		beside: []string{"/var/lib/postgresql", "/var/lib/pgsql", "/var/lib/docker/volumes"}}
	if c.Path == "" {
		s.objects.Directory = Place(place)
	}
	if c.Database != "" {
		s.beside = []string{c.Database}
	}
	return s
}

// Location names host and directory.
func (s *Store) Location() string { return s.host.Name() + ":" + s.objects.Directory }

// call asks the agent, on a connection that may be made for it.
func call[Out any](ctx context.Context, s *Store, op wire.Op, in any) (Out, error) {
	out, _, err := host.Carry[Out](ctx, s.host, op, in, nil, true)
	return out, s.storeError(err)
}

// storeError gives an error of the agent that of a store.
func (s *Store) storeError(err error) error {
	switch wire.CodeOf(err) {
	case "":
		return err
	case wire.CodeExists:
		return backup.As(backup.ErrExists, fmt.Errorf("on %s: %w", s.host.Name(), err))
	case wire.CodeMissing:
		return backup.As(backup.ErrMissing, fmt.Errorf("on %s: %w", s.host.Name(), err))
	case wire.CodeFull:
		return backup.As(backup.ErrFull, fmt.Errorf("on %s: %w", s.host.Name(), err))
	case wire.CodeUnknownOp:
		return &fault.Fault{Code: "agent-too-old",
			What:  "the agent on " + s.host.Name() + " does not know how to keep backups",
			Means: "no backup was taken; production is unchanged", Err: err,
			Do: []fault.Command{{Line: "fairlead version",
				Why: "the agent must be the one of this version (agent: upload brings it)"}}}
	}
	return fmt.Errorf("on %s: %w", s.host.Name(), err)
}

// room asks what there is. Where the agent is not on the host yet the host's own programs are asked, and nothing is
// brought there.
func (s *Store) room(ctx context.Context) (wire.ObjectRoom, error) {
	speaks, err := s.host.Ready(ctx)
	if err != nil {
		return wire.ObjectRoom{}, err
	}
	if speaks {
		return call[wire.ObjectRoom](ctx, s, wire.OpObjectLook, wire.ObjectLook{ObjectDir: s.objects, Beside: s.beside})
	}
	return s.roomByHand(ctx)
}

// roomByHand looks at the directory, or its nearest parent that is there.
func (s *Store) roomByHand(ctx context.Context) (wire.ObjectRoom, error) {
	var at []string
	var ask []wire.Command
	for p := s.objects.Directory; ; p = path.Dir(p) {
		at = append(at, p)
		ask = append(ask, wire.Command{Argv: []string{"test", "-e", p}}, wire.Command{Argv: []string{"test", "-d", p}},
			wire.Command{Argv: []string{"test", "-w", p}}, wire.Command{Argv: []string{"df", "-Pk", p}})
		if p == "/" {
			break
		}
	}
	answers, err := s.host.Run(ctx, ask...)
	if err != nil {
		return wire.ObjectRoom{}, err
	}
	for i, p := range at {
		exists, dir, writable, df := answers[4*i], answers[4*i+1], answers[4*i+2], answers[4*i+3]
		switch {
		case exists.Code != 0:
			continue
		case dir.Code != 0:
			return wire.ObjectRoom{Why: p + " is not a directory"}, nil
		case writable.Code != 0:
			return wire.ObjectRoom{Why: p + " may not be written"}, nil
		}
		free, err := freeOf(string(df.Out))
		return wire.ObjectRoom{Free: free}, err
	}
	return wire.ObjectRoom{Why: s.objects.Directory + " is nowhere"}, nil
}

// freeOf reads what df -Pk says.
func freeOf(out string) (int64, error) {
	_, line, _ := strings.Cut(strings.TrimSpace(out), "\n")
	if words := strings.Fields(line); len(words) >= 4 {
		if n, err := strconv.ParseInt(words[3], 10, 64); err == nil && n >= 0 && n <= 1<<50 {
			return n << 10, nil
		}
	}
	return 0, errors.New("df gave an answer that cannot be read")
}

// Ready tells why a backup could not be begun: a host that does not answer, a directory that cannot be written, a disk
// that is nearly full. Nothing is made by it, and no agent is brought onto the host.
func (s *Store) Ready(ctx context.Context) error {
	room, err := s.room(ctx)
	switch {
	case err != nil:
		return err
	case room.Why != "":
		return fmt.Errorf("on %s: %s", s.host.Name(), room.Why)
	}
	return backup.CheckSpace(s.Location(), room.Free, s.minFree)
}

// freeLimit is how long the host may take to say how much room it has.
const freeLimit = 30 * time.Second

// Free gives the bytes that are free on the host's disk.
func (s *Store) Free() (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), freeLimit)
	defer cancel()
	room, err := s.room(ctx)
	return room.Free, err
}

// Notes tells when the backups are on the disk of the database itself.
func (s *Store) Notes(ctx context.Context) ([]string, error) {
	room, err := s.room(ctx)
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, p := range room.Beside {
		notes = append(notes,
			fmt.Sprintf("the backups in %s are on the same disk as %s: whoever loses that disk loses both",
				s.Location(), p))
	}
	return notes, nil
}

// List gives the visible objects, newest first.
func (s *Store) List(ctx context.Context) ([]backup.Object, error) {
	files, err := call[wire.Objects](ctx, s, wire.OpObjectList, s.objects)
	return objects(files), err
}

func objects(files wire.Objects) []backup.Object {
	var all []backup.Object
	for _, f := range files.Files {
		all = append(all, backup.Object(f))
	}
	return all
}

// Delete removes a visible object for good.
func (s *Store) Delete(ctx context.Context, name, reason string) error {
	if err := backup.CheckDelete(name, reason); err != nil {
		return err
	}
	_, err := call[struct{}](ctx, s, wire.OpObjectRemove, wire.ObjectName{ObjectDir: s.objects, Name: name})
	return err
}

// Sweep removes what writers left that died.
func (s *Store) Sweep(ctx context.Context, before time.Time, dry bool) ([]backup.Object, error) {
	files, err := call[wire.Objects](ctx, s, wire.OpObjectSweep,
		wire.ObjectSweep{ObjectDir: s.objects, Before: before, Dry: dry})
	return objects(files), err
}
