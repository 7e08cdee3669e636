// Package atomicfile replaces files so that every reader, and whoever looks after a power cut, finds the old content or
// the new one, whole. It takes no lock: of two writers at a time the last one wins. Start with Write.
package atomicfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporary stands in the name of a file that is not in place yet, behind the name that it will have.
const temporary = ".fairlead-"

// Write puts content in place of a file, durably, with exactly this mode. When it fails, what was there before is as it
// was, except that a failure of the last act (to make the name durable) leaves it open which of the two a power cut
// would leave. The error is a *fs.PathError that names the file.
func Write(name string, content []byte, mode fs.FileMode) error {
	return WritePrepared(name, content, func(f *os.File) error { return f.Chmod(mode) })
}

// WritePrepared is Write for a file to which prepare gives mode and owner, before it has its name.
func WritePrepared(name string, content []byte, prepare func(*os.File) error) error {
	dir, base := filepath.Dir(name), filepath.Base(name)
	f, err := os.CreateTemp(dir, "."+strings.TrimPrefix(base, ".")+temporary+"*")
	if err != nil {
		return failure(name, err)
	}
	_, err = f.Write(content)
	for _, act := range []func() error{func() error { return prepare(f) }, f.Sync, f.Close} {
		err = cmp.Or(err, act())
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return failure(name, err)
	}
	return SyncDir(dir)
}

// failure names the file instead of the random name that it was written under.
func failure(name string, err error) error {
	switch inner := err.(type) {
	case *fs.PathError:
		err = inner.Err
	case *os.LinkError:
		err = inner.Err
	}
	return &fs.PathError{Op: "write", Path: name, Err: err}
}

// IsTemporary tells that a name in a directory is that of a file which Write has not put in place: a writer is at work,
// or died.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, temporary)
}

// SyncDir makes the names in a directory durable. A file system that cannot be asked for it keeps them durable by
// itself.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
