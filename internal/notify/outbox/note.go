package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead/internal/atomicfile"
	"fairlead/internal/notify"
)

const (
	schema  = "fairlead.outbox/1"
	waitExt = ".note.json"
	sentExt = ".sent.json"
	maxNote = 1 << 20
)

// A Note is a message to one receiver, as it lies on disk. It holds no URL.
type Note struct {
	Schema  string         `json:"schema"`
	To      string         `json:"to"`
	Kept    time.Time      `json:"kept"`
	Message notify.Message `json:"message"`
}

// hash tells notes apart: the same message to the same receiver is the same note.
func (n Note) hash() [32]byte {
	b, _ := json.Marshal(n.Message)
	return sha256.Sum256(append([]byte(n.To+"\x00"), b...))
}

// base is the file name without its ending: the time of the message, so that names sort, and the hash.
func (n Note) base() string {
	h := n.hash()
	return n.Message.At.UTC().Format("20060102T150405.000Z") + "-" + hex.EncodeToString(h[:8])
}

// keep writes the note durably; keeping it twice is fine.
func (o *Outbox) keep(n Note) error {
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return fmt.Errorf("encode note: %w", err)
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return plain(err)
	}
	return plain(atomicfile.Write(o.path(n, waitExt), append(b, '\n'), 0o600))
}

// mark renames a note that was accepted.
func (o *Outbox) mark(n Note) error {
	if err := os.Rename(o.path(n, waitExt), o.path(n, sentExt)); err != nil {
		return plain(err)
	}
	return atomicfile.SyncDir(o.dir)
}

func (o *Outbox) path(n Note, ext string) string { return filepath.Join(o.dir, n.base()+ext) }

// Waiting gives the notes that were not accepted yet, oldest first. A file that cannot be read is an error that names
// it; the others are given all the same.
func (o *Outbox) Waiting() ([]Note, error) {
	entries, err := os.ReadDir(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	var all []Note
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), waitExt) || !e.Type().IsRegular() {
			continue
		}
		n, err := read(filepath.Join(o.dir, e.Name()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, n)
	}
	slices.SortStableFunc(all, func(a, b Note) int { return a.Message.At.Compare(b.Message.At) })
	return all, errors.Join(errs...)
}

func read(path string) (Note, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Note{}, fmt.Errorf("read note: %w", err)
	}
	if st.Size() > maxNote {
		return Note{}, fmt.Errorf("read note %s: it is larger than 1 MiB", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Note{}, fmt.Errorf("read note: %w", err)
	}
	var n Note
	if err := json.Unmarshal(b, &n); err != nil {
		return Note{}, fmt.Errorf("read note %s: %w", path, err)
	}
	if n.Schema != schema {
		return Note{}, fmt.Errorf("read note %s: its schema is %q, this program knows %q", path, n.Schema, schema)
	}
	return n, nil
}

// plain drops the path of an error, which names a random file.
func plain(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}
