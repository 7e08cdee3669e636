package dir

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fairlead/internal/backup"
)

const (
	partialPrefix = ".fairlead-"
	partialSuffix = ".part"
)

func isPartial(name string) bool {
	return strings.HasPrefix(name, partialPrefix) && strings.HasSuffix(name, partialSuffix)
}

// partial is an object being written. The lock on its file tells other processes that its maker lives.
type partial struct {
	store *Store
	name  string
	path  string
	f     *os.File
	sum   hash.Hash
	size  int64
	done  bool
}

func (s *Store) begin(name string) (*partial, error) {
	path := filepath.Join(s.path, partialPrefix+name+"."+rand.Text()[:8]+partialSuffix)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin backup %s: %w", name, err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("begin backup %s: lock: %w", name, err), f.Close(), os.Remove(path))
	}
	return &partial{store: s, name: name, path: path, f: f, sum: sha256.New()}, nil
}

// Write hashes what is stored.
func (p *partial) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return n, fmt.Errorf("%w: %s is full after %d bytes of %s", ErrFull, p.store.path, p.size, p.name)
	}
	if err != nil {
		return n, fmt.Errorf("write backup %s: %w", p.name, err)
	}
	return n, nil
}

// Sum gives SHA-256 (hex) and size of what was written so far.
func (p *partial) Sum() (sha256 string, size int64) {
	return hex.EncodeToString(p.sum.Sum(nil)), p.size
}

// Reread makes what is written durable and reads it back through a new file, dropping the cache's copy where the system lets us.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	if p.done {
		return nil, fmt.Errorf("read backup %s back: it is ended", p.name)
	}
	if err := p.f.Sync(); err != nil {
		return nil, fmt.Errorf("read backup %s back: %w", p.name, err)
	}
	f, err := openRegular(p.path)
	if err != nil {
		return nil, fmt.Errorf("read backup %s back: %w", p.name, err)
	}
	dropCache(f)
	return &reader{ctx: ctx, f: f}, nil
}

// Commit makes the object durable and gives it its name; backup.ErrExists when the name was taken meanwhile.
func (p *partial) Commit(ctx context.Context) error {
	if p.done {
		return fmt.Errorf("commit backup %s: it is ended", p.name)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.publish(); err != nil {
		return fmt.Errorf("commit backup %s: %w", p.name, err)
	}
	return nil
}

func (p *partial) publish() error {
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
	if err := place(p.path, filepath.Join(p.store.path, p.name)); err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%w: %s", backup.ErrExists, p.name)
		}
		return err
	}
	p.done = true
	if err := syncDir(p.store.path); err != nil {
		return errors.Join(err, p.f.Close(), os.Remove(filepath.Join(p.store.path, p.name)))
	}
	return p.f.Close()
}

// Abort removes the object; after Commit it does nothing.
func (p *partial) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	if err := errors.Join(p.f.Close(), os.Remove(p.path)); err != nil {
		return fmt.Errorf("abort backup %s: %w", p.name, err)
	}
	return nil
}

// place gives a file its final name, never over another one. Where there are no hard links the system's own "rename, but do not replace"
// is used.
func place(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, os.ErrExist) {
		return err
	}
	return renameNew(from, to, err)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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

func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// reader ends with its context.
type reader struct {
	ctx context.Context
	f   *os.File
}

// Read reads on, until the context ends.
func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.f.Read(b)
}

// Close closes the file.
func (r *reader) Close() error { return r.f.Close() }
