package objectdir

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/atomicfile"
	"fairlead/internal/filelock"
)

const (
	partialPrefix = ".fairlead-"
	partialSuffix = ".part"
)

func isPartial(name string) bool {
	return strings.HasPrefix(name, partialPrefix) && strings.HasSuffix(name, partialSuffix)
}

// A Partial is a file being written under a hidden name. The lock on it tells other processes that its maker lives. It
// is not safe for use by several goroutines.
type Partial struct {
	dir  Dir
	name string
	path string
	f    *os.File
	sum  hash.Hash
	size int64
	done bool
}

// Begin begins a file. It makes the directory where it is missing and removes what dead processes left.
func (d Dir) Begin(name string) (*Partial, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	dirMode, mode := fs.FileMode(0o700), fs.FileMode(0o600)
	if d.Group {
		dirMode, mode = 0o770, 0o640
	}
	if err := os.MkdirAll(d.Path, dirMode); err != nil {
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	_, _ = d.Sweep(time.Now(), false)
	if _, err := os.Lstat(filepath.Join(d.Path, name)); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, name)
	}
	path := filepath.Join(d.Path, partialPrefix+name+"."+rand.Text()[:8]+partialSuffix)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", name, full(err))
	}
	if err := errors.Join(filelock.Try(f, filelock.Exclusive), f.Chmod(mode)); err != nil {
		return nil, errors.Join(fmt.Errorf("begin %s: lock: %w", name, err), f.Close(), os.Remove(path))
	}
	return &Partial{dir: d, name: name, path: path, f: f, sum: sha256.New()}, nil
}

// full gives ErrFull for the system's words for it.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}

// Write hashes what is stored. A full disk is ErrFull.
func (p *Partial) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	if err = full(err); errors.Is(err, ErrFull) {
		return n, fmt.Errorf("%w: %s is full after %d bytes of %s", ErrFull, p.dir.Path, p.size, p.name)
	}
	if err != nil {
		return n, fmt.Errorf("write %s: %w", p.name, err)
	}
	return n, nil
}

// Sum gives SHA-256 (hex) and size of what was written so far.
func (p *Partial) Sum() (sha256 string, size int64) {
	return hex.EncodeToString(p.sum.Sum(nil)), p.size
}

// Reread makes what is written durable and reads it back through a new file, dropping the cache's copy where the system
// lets us.
func (p *Partial) Reread() (*os.File, error) {
	if p.done {
		return nil, fmt.Errorf("read %s back: it is ended", p.name)
	}
	if err := p.f.Sync(); err != nil {
		return nil, fmt.Errorf("read %s back: %w", p.name, full(err))
	}
	f, err := openRegular(p.path)
	if err != nil {
		return nil, fmt.Errorf("read %s back: %w", p.name, err)
	}
	dropCache(f)
	return f, nil
}

// Commit makes the file durable and gives it its name; ErrExists when the name was taken meanwhile.
func (p *Partial) Commit() error {
	if p.done {
		return fmt.Errorf("commit %s: it is ended", p.name)
	}
	if err := p.publish(); err != nil {
		return fmt.Errorf("commit %s: %w", p.name, full(err))
	}
	return nil
}

func (p *Partial) publish() error {
	st, err := p.f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != p.size {
		return fmt.Errorf("the file has %d bytes, %d were written", st.Size(), p.size)
	}
	if err := p.f.Sync(); err != nil {
		return err
	}
	final := filepath.Join(p.dir.Path, p.name)
	if err := place(p.path, final); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %s", ErrExists, p.name)
		}
		return err
	}
	p.done = true
	if err := atomicfile.SyncDir(p.dir.Path); err != nil {
		return errors.Join(err, p.f.Close(), os.Remove(final))
	}
	return p.f.Close()
}

// Abort removes the file; after Commit it does nothing.
func (p *Partial) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	if err := errors.Join(p.f.Close(), os.Remove(p.path)); err != nil {
		return fmt.Errorf("abort %s: %w", p.name, err)
	}
	return nil
}

// place gives a file its final name, never over another one. Where there are no hard links the system's own "rename,
// but do not replace" is used.
func place(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	return renameNew(from, to, err)
}

// openRegular refuses pipes, devices and symbolic links, which could hold a reader for ever or lead elsewhere.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
