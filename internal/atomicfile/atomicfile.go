// Package atomicfile replaces files so that every reader, and whoever looks after a power cut, finds the old content or the new one,
// whole. It takes no lock: of two writers at a time the last one wins. Start with Write.
package atomicfile

import (
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

// Write puts content in place of a file, durably, with exactly this mode. When it fails, what was there before is as it was, except
// that a failure of the last act (to make the name durable) leaves it open which of the two a power cut would leave.
func Write(name string, content []byte, mode fs.FileMode) error {
	return WritePrepared(name, content, func(f *os.File) error { return f.Chmod(mode) })
}

// WritePrepared is Write for a file to which prepare gives mode and owner, before it has its name.
func WritePrepared(name string, content []byte, prepare func(*os.File) error) error {
	dir, base := filepath.Split(name)
	f, err := os.CreateTemp(filepath.Clean(dir), "."+strings.TrimPrefix(base, ".")+temporary+"*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, reason(err))
	}
	_, err = f.Write(content)
	if err = errors.Join(err, prepare(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(reason(err), os.Remove(f.Name())))
	}
	return SyncDir(filepath.Clean(dir))
}

// IsTemporary tells that a name in a directory is that of a file which Write has not put in place: a writer is at work, or died.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, temporary)
}

// SyncDir makes the names in a directory durable. A file system that cannot be asked for it keeps them durable by itself.
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

// reason drops the random name from an error of the system.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
