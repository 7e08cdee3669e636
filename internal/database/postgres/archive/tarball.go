package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	tocFile   = "toc.dat" // of a dump in the directory format; first in its tar
	tarBlock  = 512
	maxInTar  = 4 << 20 // files: twice as many tables as a server bears
	maxInName = 100     // bytes
)

// pack writes a dump in the directory format as a tar: its table of contents first, then the others by name. Equal
// directories give equal bytes.
func pack(ctx context.Context, dir string, w io.Writer) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("pack the dump: %w", err)
	}
	toc := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name() == tocFile })
	if toc < 0 {
		return fmt.Errorf("pack the dump: pg_dump has written no %s", tocFile)
	}
	first := entries[toc]
	entries = slices.Insert(slices.Delete(entries, toc, toc+1), 0, first)
	out := tar.NewWriter(w)
	for _, e := range entries {
		if err := packOne(ctx, out, filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("pack the dump: %s: %w", e.Name(), err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("pack the dump: %w", err)
	}
	return nil
}

func packOne(ctx context.Context, out *tar.Writer, path string) error {
	name := filepath.Base(path)
	st, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || !packable(name) {
		return errors.New("it is not a file of a dump")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: st.Size(), Mode: 0o600, ModTime: time.Unix(0, 0),
		Format: tar.FormatGNU}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(out, &stream{ctx: ctx, r: f})
	if err == nil && n != st.Size() {
		err = fmt.Errorf("it has %d bytes, it had %d", n, st.Size())
	}
	return err
}

// packable tells whether a word can be the name of a file of a dump: letters, digits, dots and underscores, no way out
// of a folder.
func packable(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return name != "" && len(name) <= maxInName && strings.Trim(name, letters+"._") == "" &&
		strings.Contains(letters, name[:1])
}

// unpack reads the tar of a dump to its end and writes its files into a folder that is empty. Whatever is not exactly
// what pack writes is an error: a path, a link, a file twice, something behind the end.
func unpack(ctx context.Context, r io.Reader, into string) error {
	in := &stream{ctx: ctx, r: r}
	err := unpackAll(tar.NewReader(in), in, into)
	if in.err != nil {
		return fmt.Errorf("read the archive back: %w", in.err)
	}
	if err != nil {
		return fmt.Errorf("unpack the archive: %w", err)
	}
	return nil
}

func unpackAll(t *tar.Reader, in *stream, into string) error {
	size := int64(2 * tarBlock) // its end
	for files := 0; ; files++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return finished(in, files, size)
		}
		if err != nil {
			return err
		}
		switch {
		case h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 || !packable(h.Name):
			return fmt.Errorf("%.100q in it is not a file of a dump", h.Name)
		case files == 0 && h.Name != tocFile:
			return fmt.Errorf("it begins with %s, not with %s", h.Name, tocFile)
		case files == maxInTar:
			return fmt.Errorf("there are more than %d files in it", maxInTar)
		}
		if err := unpackOne(t, filepath.Join(into, h.Name), h.Size); err != nil {
			return err
		}
		size += tarBlock + (h.Size+tarBlock-1)/tarBlock*tarBlock
	}
}

// finished sees that nothing lacks at the end and nothing follows it.
func finished(in *stream, files int, size int64) error {
	if files == 0 {
		return errors.New("there is nothing in it")
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	if in.n != size {
		return fmt.Errorf("it has %d bytes, its files and its end make %d", in.n, size)
	}
	return nil
}

func unpackOne(r io.Reader, path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	if err == nil && n != size {
		err = fmt.Errorf("%s has %d of %d bytes", filepath.Base(path), n, size)
	}
	return errors.Join(err, f.Close())
}

// stream reads until its context ends, counts, and remembers the reader's own error.
type stream struct {
	ctx context.Context
	r   io.Reader
	n   int64
	err error
}

// Read reads on.
func (s *stream) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
